"""What all tests share: loud floating point, a seeded generator, and mutants that every check must catch.

A check of numbers takes the thing it checks as `subject`, and names wrong versions beside the right one:

    @pytest.mark.subject(score, sign_flipped=wrong_score)
    def test_score_is_the_gradient(subject, rng): ...

It runs on the right one, where it must hold, and once on each mutant, where it must fail by AssertionError:
a mutant that survives fails the run, and so does one that fails in any other way.
"""

import re

import numpy as np
import pytest

np.seterr(all="raise", under="ignore")


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator with a fixed seed: each test, and each mutant, sees the same numbers."""
    return np.random.default_rng(20260)


def pytest_configure(config):
    config.addinivalue_line("markers", "subject(real, **mutants): check `real`, and catch each of the mutants")
    config.addinivalue_line("markers", "alone: measures times; runs while no other test does (see `build.py test`)")
    config.addinivalue_line("markers", "every_browser: runs in three browsers (see `build.py test --every-browser`)")
    config.addinivalue_line("markers", "mutant: this run must fail by AssertionError (set by `subject`)")


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("subject")
    if marker is not None:
        mutants = [
            pytest.param(wrong, id=f"not_{name}", marks=pytest.mark.mutant) for name, wrong in marker.kwargs.items()
        ]
        metafunc.parametrize("subject", [pytest.param(*marker.args, id="real"), *mutants])


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    if pyfuncitem.get_closest_marker("mutant") is None:
        return (yield)
    try:
        yield
    except AssertionError:
        return True
    pytest.fail(f"the mutant {pyfuncitem.callspec.id} survived: this check cannot fail on it", pytrace=False)


# --- two processes ---------------------------------------------------------------------------------------------------

#: Tests of every instrument: `test_x[ring-t]` is of the instrument `ring`.
OF_AN_INSTRUMENT = re.compile(r"/(?:every_instrument/test_\w+|browser/test_controls)\.py::\w+\[(\w+?)[\]-]")


def group_of(nodeid: str) -> str:
    """Tests of one group run in one process: those of a file share fixtures, of an instrument its pictures or page."""
    found = OF_AN_INSTRUMENT.search(nodeid)
    return f"instrument {found[1]}" if found else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Gives whole groups to the processes of `pytest -n`."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)
