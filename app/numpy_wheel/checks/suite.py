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
# What the patch of the default integer touches: indices, counts, sums, conversion of Python's integers.
INDICES = [
    "TestArgmaxArgminCommon",
    "TestArgmax",
    "TestArgmin",
    "TestArange",
    "TestBinop",
    "TestChoose",
    "TestCreation",
    "TestLexsort",
    "TestMethods",
    "TestPutmask",
    "TestRepeat",
    "TestStats",
    "TestTake",
]
PARTS = [
    "numpy.linalg.tests.test_linalg",
    "numpy.fft.tests.test_pocketfft",
    "numpy.random.tests.test_generator_mt19937",
    "numpy.lib.tests.test_function_base",
    "numpy.lib.tests.test_arraysetops",
    "numpy._core.tests.test_umath",
    *(f"numpy._core.tests.test_multiarray::{name}" for name in MATRIX_PRODUCTS + INDICES),
    "numpy._core.tests.test_indexing",
    "numpy._core.tests.test_item_selection",
    "numpy._core.tests.test_nep50_promotions",
    "numpy.lib.tests.test_histograms",
    "numpy.lib.tests.test_index_tricks",
    "numpy.random.tests.test_randomstate",
]

# Tests that cannot pass in WebAssembly, by name and with the reason. NumPy itself skips the tests of floating point
# flags, threads and processes there.
INTP = "asks for intp, of 32 bits; indices are of the default integer, of 64 bits"
LONG = "asks for C's long, of 32 bits; the older random functions return 64 bits, as on a desktop"
KNOWN_FAILURES = {
    "linalg/tests/test_linalg.py::test_empty_matrix_rank": INTP,
    "lib/tests/test_arraysetops.py::TestUnique::test_unique_1d": INTP,
    "lib/tests/test_index_tricks.py::TestIx_::test_regression_1": INTP,
    "random/tests/test_randomstate.py::TestRandomDist::test_poisson_exceptions": LONG,
    "random/tests/test_randomstate.py::test_integer_dtype": LONG,
    "random/tests/test_randomstate.py::test_integer_repeat": LONG,
}

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
