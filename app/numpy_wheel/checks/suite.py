"""Runs in Pyodide: the part of NumPy's own tests that covers the functions the lab uses. Needs pytest, hypothesis."""

import sys

import pytest

MATRIX_PRODUCTS = [
    "TestDot",
    "TestMatmul",
    "TestMatmulOperator",
    "TestMatmulInplace",
    "TestInner",
    "TestVdot",
]
PARTS = [
    "numpy.linalg.tests.test_linalg",
    "numpy.fft.tests.test_pocketfft",
    "numpy.random.tests.test_generator_mt19937",
    "numpy.lib.tests.test_function_base",
    "numpy.lib.tests.test_arraysetops",
    "numpy._core.tests.test_umath",
    *(f"numpy._core.tests.test_multiarray::{name}" for name in MATRIX_PRODUCTS),
]

# Tests that cannot pass in WebAssembly, by name and with the reason. There are none at present: NumPy itself
# skips the tests of floating point flags, threads and processes there.
KNOWN_FAILURES: dict[str, str] = {}

# Skipped only because they are slow.
LINALG = "linalg/tests/test_linalg.py"
QUANTILES, RANDOM = "lib/tests/test_function_base.py", "random/tests/test_generator_mt19937.py"
SLOW = {
    f"{LINALG}::TestCond::test_generalized_sq_cases": "a sixth of all, of svd and inv, which are tested too",
    f"{QUANTILES}::TestPercentile::test_percentile_gh_29003_Fraction": "Python's fractions",
    f"{RANDOM}::TestIntegers::test_integers_small_dtype_chisquared": "5e7 samples",
    f"{RANDOM}::TestRandomDist::test_dirichlet_moderately_small_alpha": "2e7 samples",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks known failures as strict xfail, so that one that passes must be removed from the list; skips slow tests."""
    for item in items:
        name = item.nodeid.split("numpy/", 1)[-1]
        for known in {name, name.split("[")[0]}:
            if known in KNOWN_FAILURES:
                item.add_marker(pytest.mark.xfail(reason=KNOWN_FAILURES[known], strict=True))
            if known in SLOW:
                item.add_marker(pytest.mark.skip(reason=f"slow: {SLOW[known]}"))


sys.dont_write_bytecode = True
arguments = ["--pyargs", *PARTS, "-q", "-p", "no:cacheprovider", "--tb=short", "-W", "ignore", "-rfE"]
exit_code = int(pytest.main(arguments, plugins=[sys.modules[__name__]]))
