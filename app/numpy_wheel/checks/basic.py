"""Runs in Pyodide: checks the functions of NumPy that the lab needs. Each part catches one possible defect."""

import numpy as np
import numpy.testing  # other packages import it, so trimming must keep it

rng = np.random.default_rng(12345)


def plain_product(left: np.ndarray, right: np.ndarray) -> list[list[float]]:
    """Returns the matrix product, computed by a plain Python loop."""
    return [[sum(float(x) * float(y) for x, y in zip(r, c, strict=True)) for c in right.T] for r in left]


# The patched matrix product, which goes along rows: all types, row lengths around four, and different strides.
for kind in ("f8", "f4", "f2", "g", "c16", "i1", "u2", "i4", "i8"):
    for rows, inner, columns in ((7, 11, 5), (3, 4, 2), (1, 9, 6), (6, 8, 1), (4, 1, 3), (2, 3, 40)):
        low = 0 if kind == "u2" else -3
        left = rng.integers(low, 4, (2 * rows, inner)).astype(kind)
        right = rng.integers(low, 4, (inner, 2 * columns)).astype(kind)
        for a, b in (
            (left[:rows], right[:, :columns]),
            (left[::2], right[:, ::2]),
            (left[::-2], np.asfortranarray(right)),
            (np.asfortranarray(left), right[:, ::-1]),
        ):
            real = (a.real, b.real) if kind == "c16" else (a, b)
            assert np.array_equal(a @ b, np.array(plain_product(*real)).astype(kind)), (
                kind,
                a.shape,
                b.shape,
            )
a, b = rng.standard_normal((30, 50)), rng.standard_normal((50, 20))
assert np.allclose(a @ b, plain_product(a, b), rtol=1e-13)
assert np.array_equal(a @ b, a @ np.asfortranarray(b))  # to the last bit
assert (a[:0] @ b).shape == (0, 20) and not (a[:, :0] @ b[:0]).any()
square = rng.standard_normal((6, 6))
expected = square @ square.copy()
np.matmul(square, square, out=square)  # the output overwrites the inputs
assert np.array_equal(square, expected)

# The default integer has 64 bits, also for indices and counts; an index that does not fit is out of bounds.
assert np.dtype(int) == np.int_ == np.int64 and np.uint == np.uint64
assert np.arange(1, 100_001).sum() == 5_000_050_000 and np.prod(range(1, 20)) == 121_645_100_408_832_000
assert np.array([True, False]).sum().dtype == np.array([1], "i4").cumsum().dtype == np.int64
numbers = np.array([3.0, 1.0, 2.0])
for made in (
    np.argsort(numbers),
    np.argpartition(numbers, 1),
    np.argmax(numbers),
    np.argmin(numbers[None], axis=1),
    np.nonzero(numbers)[0],
    np.where(numbers > 1)[0],
    np.searchsorted(numbers, [1.0]),
    np.lexsort((numbers,)),
    np.bincount([1, 2]),
    np.count_nonzero(numbers),
    np.unravel_index([4], (2, 3))[0],
    np.ravel_multi_index((1, 2), (2, 3)),
    np.unique(numbers, return_counts=True)[1],
    np.random.RandomState(0).randint(0, 5, 3),
    np.random.RandomState(0).binomial(5, 0.5, 3),
    np.strings.str_len(np.array(["ab"])),
    np.strings.find(np.array(["ab"], np.dtypes.StringDType()), "b"),
):
    assert made.dtype == np.int64, made
assert np.take(numbers, np.array([2, 0])).tolist() == numbers[np.array([2, 0])].tolist() == [2, 3]
assert np.repeat(numbers, np.array([2, 0, 1])).tolist() == [3, 3, 2]
for far in (2**32, -(2**40)):
    for use in (numbers.__getitem__, numbers.take):
        try:
            use(np.array([far]))
        except IndexError:
            continue
        raise AssertionError(f"index {far} was not refused")

# random: the generator's stream, which must be the same as on the machine that builds the site.
assert np.random.default_rng(0).integers(0, 1000, 5).tolist() == [850, 636, 511, 269, 307]
assert abs(np.random.default_rng(0).standard_normal() - 0.1257302210933933) < 1e-15
assert abs(rng.normal(size=100_000).std() - 1) < 0.02

# fft and linalg
signal = rng.standard_normal(60)
assert np.allclose(np.fft.irfft(np.fft.rfft(signal)), signal)
assert np.allclose(np.fft.fft(np.eye(4))[1], [1, -1j, -1, 1j])
square = rng.standard_normal((6, 6))
assert np.allclose(np.linalg.inv(square) @ square, np.eye(6))
u, s, vt = np.linalg.svd(square)
assert np.allclose(u * s @ vt, square)
values, vectors = np.linalg.eigh(square @ square.T)
assert np.allclose(vectors * values @ vectors.T, square @ square.T)

# C++: unique goes through a hash table with static constructors, sort through templates.
assert np.unique(np.array([3, 1, 2, 3, 1])).tolist() == [1, 2, 3]
assert np.unique(np.array(["b", "a", "b"], dtype=np.dtypes.StringDType())).tolist() == ["a", "b"]
assert (np.diff(np.sort(rng.standard_normal(1000))) >= 0).all()

# Long doubles, half floats, dates and text touch other parts of the C library.
assert str(np.longdouble(1) / 3).startswith("0.33333333333333333333333")
assert np.float16(1.5) + np.float16(0.25) == np.float16(1.75)
assert str(np.datetime64("2024-02-28") + 2) == "2024-03-01"
assert np.char.upper(np.array(["ab"]))[0] == "AB"
assert float(str(np.exp(1.0))) == np.e


def raises(function, *arguments: np.ndarray) -> bool:
    """Returns whether a function of linalg raises LinAlgError."""
    try:
        function(*arguments)
    except np.linalg.LinAlgError:
        return True
    return False


singular = np.array([[1.0, 2.0], [2.0, 4.0]])
failures = [
    raises(np.linalg.inv, singular),
    raises(np.linalg.inv, np.stack([np.eye(2), singular])),
    raises(np.linalg.solve, singular, np.ones(2)),
    raises(np.linalg.cholesky, -np.eye(2)),
]
assert len(set(failures)) == 1, failures
# Neither an empty problem nor NaN in the input is such a failure.
assert np.linalg.lstsq(np.zeros((0, 2)), np.zeros(0))[0].tolist() == [0, 0]
assert np.isnan(np.linalg.inv(np.full((2, 2), np.nan))).all()
effect = "raises LinAlgError" if failures[0] else "gives NaN silently"
print(f"numpy {np.__version__}; a singular matrix {effect}")
