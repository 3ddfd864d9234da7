"""Argument checks of all kernels: rule, value and fix in one sentence."""


def require(ok: object, rule: str, got: object, fix: str = "") -> None:
    """Raise `ValueError("<rule>, got <got>: <fix>.")` unless `ok`.

    `fix` may be left out where the rule already says what to do.
    """
    if not ok:
        raise ValueError(f"{rule}, got {got}{': ' + fix if fix else ''}.")
