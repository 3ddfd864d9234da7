"""The one error of this folder."""


class WheelError(Exception):
    """No usable wheel: the message says what failed and what to do about it."""
