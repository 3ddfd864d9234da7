"""NumPy operations of all kinds, timed in the Python that runs this file: `times(rounds)`.

Arrays are of the sizes that instruments use (hundreds to ten thousands of numbers), matrices of 2 to 128 rows.
"""

import time

import numpy as np

ROUND_S = 0.004

#: Of matrix products: rows, what is summed over, columns.
SIZES = (
    *((2, 2, 2), (3, 3, 3), (4, 4, 4), (8, 8, 8), (32, 64, 32), (128, 128, 128)),
    *((520, 2, 16), (520, 16, 2), (520, 16, 3), (1, 256, 256), (256, 256, 1)),
)


def operations() -> dict:
    """Name → function without arguments."""
    rng = np.random.default_rng(0)
    found: dict = {}
    for kind in ("float64", "float32"):
        a, b = (rng.uniform(0.5, 1.5, 20_000).astype(kind) for _ in range(2))
        plane = rng.normal(size=(520, 40)).astype(kind)
        found |= {
            f"{name} {kind}": (lambda f=f, a=a, b=b: f(a, b))
            for name, f in {"add": np.add, "multiply": np.multiply, "divide": np.divide, "power": np.power}.items()
        }
        found |= {
            f"{name} {kind}": (lambda f=f, a=a, b=b: f(a, b))
            for name, f in {"maximum": np.maximum, "less": np.less, "hypot": np.hypot, "arctan2": np.arctan2}.items()
        }
        found |= {
            f"{f.__name__} {kind}": (lambda f=f, a=a: f(a))
            for f in (np.exp, np.log, np.sqrt, np.sin, np.cos, np.tanh, np.square, np.abs, np.floor, np.isfinite)
        }
        found |= {
            f"{name} {kind}": (lambda f=f, plane=plane: f(plane))
            for name, f in {
                "sum": np.sum,
                "sum of columns": lambda x: x.sum(axis=0),
                "sum of rows": lambda x: x.sum(axis=1),
                "max of rows": lambda x: x.max(axis=1),
                "argmin of rows": lambda x: x.argmin(axis=1),
                "var": np.var,
                "cumsum": np.cumsum,
                "sort rows": lambda x: np.sort(x, axis=1),
                "argsort": lambda x: np.argsort(x, axis=None),
                "transpose, copied": lambda x: np.ascontiguousarray(x.T),
                "broadcast difference": lambda x: x[:, None, :8] - x[None, :20, :8],
                "rows by number": lambda x: x[::-3],
                "rows by list": lambda x: x[INDEX],
                "where": lambda x: np.where(x > 0, x, 0),
                "mask": lambda x: x[x > 0],
                "linalg.norm of rows": lambda x: np.linalg.norm(x, axis=1),
                "einsum ij,ij->i": lambda x: np.einsum("ij,ij->i", x, x),
            }.items()
        }
        for rows, inner, columns in SIZES:
            x, y = rng.normal(size=(rows, inner)).astype(kind), rng.normal(size=(inner, columns)).astype(kind)
            size = f"{rows}×{inner}×{columns} {kind}"
            found[f"A @ B {size}"] = lambda x=x, y=y: x @ y
            x_turned, y_turned = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)
            found[f"A @ B.T {size}"] = lambda x=x, y=y_turned: x @ y.T
            found[f"A.T @ B {size}"] = lambda x=x_turned, y=y: x.T @ y
        stack, square = rng.normal(size=(200, 3, 3)).astype(kind), rng.normal(size=(128, 128)).astype(kind)
        found[f"stack of 3×3 {kind}"] = lambda s=stack: s @ s
        found[f"A @ v {kind}"] = lambda m=square, v=a[:128]: m @ v
        found[f"dot of vectors {kind}"] = lambda a=a, b=b: a @ b
    whole, flags, z = rng.integers(0, 100, 20_000), rng.random(20_000) < 0.5, rng.normal(size=(64, 64)) * (1 + 1j)
    symmetric = plane[:40].astype(np.float64) @ plane[:40].T + 40 * np.eye(40)
    wave = rng.normal(size=1024)
    return found | {
        "add int64": lambda: whole + whole,
        "multiply int64": lambda: whole * whole,
        "sum int64": whole.sum,
        "bincount": lambda: np.bincount(whole),
        "unique": lambda: np.unique(whole),
        "searchsorted": lambda: np.searchsorted(np.arange(100), whole),
        "sort int64": lambda: np.sort(whole),
        "astype float64": lambda: whole.astype(np.float64),
        "astype float16": lambda: wave.astype(np.float16),
        "and of flags": lambda: flags & ~flags,
        "any of flags": flags.any,
        "count of flags": lambda: np.count_nonzero(flags),
        "multiply complex128": lambda: z * z,
        "A @ B 64×64×64 complex128": lambda: z @ z,
        "A @ B 64×64×64 int64": lambda: whole[:4096].reshape(64, 64) @ whole[:4096].reshape(64, 64),
        "concatenate": lambda: np.concatenate([wave, wave]),
        "solve 40×40": lambda: np.linalg.solve(symmetric, symmetric[0]),
        "inv 40×40": lambda: np.linalg.inv(symmetric),
        "det 40×40": lambda: np.linalg.det(symmetric),
        "cholesky 40×40": lambda: np.linalg.cholesky(symmetric),
        "eigh 40×40": lambda: np.linalg.eigh(symmetric),
        "svd 40×40": lambda: np.linalg.svd(symmetric),
        "fft of 1024": lambda: np.fft.fft(wave),
        "normal": lambda: rng.standard_normal(2000),
        "uniform": lambda: rng.random(2000),
        "integers": lambda: rng.integers(0, 100, 2000),
        "permutation": lambda: rng.permutation(2000),
        "choice with weights": lambda: rng.choice(4, 500, p=[0.1, 0.2, 0.3, 0.4]),
    }


INDEX = np.arange(519, -1, -7)


def times(rounds: int) -> dict:
    """Name → microseconds of one call, the best of `rounds` short rounds."""
    found = {}
    for name, work in operations().items():
        work()
        began = time.perf_counter()
        work()
        calls = max(1, int(ROUND_S / max(time.perf_counter() - began, 1e-6)))
        best = float("inf")
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(calls):
                work()
            best = min(best, (time.perf_counter() - began) / calls)
        found[name] = 1e6 * best
    return found
