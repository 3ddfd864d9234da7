"""The commands of `build.py`: site, scorm, serve, test, bench, readme, new. Each first installs what it needs."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from diffusion_lab.app.build import setup_steps
from diffusion_lab.app.build.setup_steps import (
    ROOT,
    Progress,
    Say,
    SetupError,
    ensure_browser,
    ensure_every_browser,
    ensure_front_end,
    ensure_python,
    free_port,
)

TWO_PROCESSES = ["-n", "2"]
BROWSER_TESTS = "tests/browser"

TESTS = """\
Sets up, builds the site and runs all tests: first those that need no browser, then those in a browser, both in two
processes, and last those that measure times (`@pytest.mark.alone`), by themselves. Arguments that are not named here go
to pytest, which then runs in one process: `build.py test -k cache -x`.
With --quick no site is built, and tests that need a site, a browser or the NumPy wheel are skipped (`LEFT_OUT` in
`app/build/quick_tests.py`). Of the others, a folder's tests run if they, or the sources that they run, have changed
since a quick run last passed. Tests directly in `tests/` (linters, architecture) run after any change.
With --every-browser only the tests of `tests/browser/every_browser/` run, in Chromium, Firefox and WebKitGTK.
"""


def main(arguments: list[str]) -> int:
    """Runs one command and returns the exit code, which is 0 only if every part succeeded."""
    options = _options(arguments)
    say = Progress()
    try:
        return int(options.command(options, say))
    except SetupError as error:
        print(f"\nbuild.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"\nbuild.py: {error.strerror or error} ({error.filename or 'no file'})", file=sys.stderr)
        return 1


def _options(arguments: list[str]) -> argparse.Namespace:
    """Parses the command line. Unknown options of `test` and `bench` are passed on to pytest or the script."""
    parser = _parser()
    options, further = parser.parse_known_args(arguments)
    if further and not hasattr(options, "further"):
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    options.further = further
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build.py", description="Builds, serves and tests the Diffusion Instrument Lab."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    site = commands.add_parser("site", help="set up and build the site into dist/")
    site.add_argument("--draft", action="store_true", help="build the draft that `serve` shows, in .build/draft/")
    site.add_argument(
        "--base-url", default="", metavar="https://…", help="the published site's address; adds oEmbed files for it"
    )
    site.set_defaults(command=_site)
    scorm = commands.add_parser("scorm", help="pack chapters for course systems (SCORM 1.2) into dist-scorm/")
    scorm.add_argument("chapter", nargs="?", default="", metavar="CHAPTER", help="such as 01 (default: all)")
    scorm.set_defaults(command=_scorm)
    serve = commands.add_parser("serve", help="set up, build and serve the site; rebuilds when a file changes")
    serve.add_argument("--port", type=int, help="a port of 127.0.0.1 (default: any that is free)")
    serve.set_defaults(command=_serve)
    test = commands.add_parser(
        "test", help="set up and run all tests; further arguments go to pytest", description=TESTS
    )
    test.add_argument("--quick", action="store_true", help="run only changed tests that need no built site")
    test.add_argument("--every-browser", action="store_true", help="run the tests that run in three browsers")
    test.set_defaults(command=_test, further=[])
    bench = commands.add_parser("bench", help="measure the built site: all, or a script of tests/benchmarks")
    names = sorted(path.stem for path in (ROOT / "tests/benchmarks").glob("[a-z]*.py"))
    bench.add_argument("name", nargs="?", default="all", choices=names, help="default: all, as ratios to the targets")
    bench.set_defaults(command=_bench, further=[])
    readme = commands.add_parser("readme", help="bring the generated parts of README.md up to date")
    readme.set_defaults(command=_readme)
    new = commands.add_parser("new", help="write the files of a new instrument")
    kinds = new.add_subparsers(required=True, metavar="kind")
    instrument = kinds.add_parser(
        "instrument", help="a folder of instruments/ that passes all tests, with its own, and a slot in a chapter"
    )
    instrument.add_argument("name", help="in lower snake case")
    instrument.add_argument("--chapter", default="", metavar="01", help="the chapter for its slot (default: the last)")
    instrument.set_defaults(command=_new_instrument)
    return parser


def _ready(say: Say, *, tests: bool = False) -> Path:
    """Installs everything that a build needs; returns the path of NumPy's wheel for the browser."""
    ensure_python(say, tests=tests)
    ensure_front_end(say)
    from diffusion_lab.app.numpy_wheel import WheelError, provide_numpy

    try:
        return provide_numpy(setup_steps.NODE_MODULES / "pyodide", say)
    except WheelError as error:
        raise SetupError(str(error)) from None


def _built(say: Progress, *, tests: bool = False, base_url: str = "") -> Path:
    """Builds the site in `dist/`, reusing cached results, and returns its path."""
    wheel = _ready(say, tests=tests)
    from diffusion_lab.app.build.site import build_site

    return build_site(wheel, say, base_url=base_url)


def _site(options: argparse.Namespace, say: Progress) -> int:
    from diffusion_lab.app.build.oembed import checked_base_url

    base_url = options.base_url and checked_base_url(options.base_url)
    if options.draft:
        _draft(say, base_url)
    else:
        dist = _built(say, base_url=base_url)
        say(f"the site is in {dist.relative_to(ROOT)}/")
    return 0


def _scorm(options: argparse.Namespace, say: Progress) -> int:
    wheel = _ready(say)
    from diffusion_lab.app.build.scorm import chosen_chapters, write_package
    from diffusion_lab.app.build.site import build_site, read_documents, read_references

    wanted = chosen_chapters(read_documents(read_references())[0], options.chapter)
    site = build_site(wheel, say, target=setup_steps.WORK / "scorm")  # `dist/` stays as it was published
    for chapter in wanted:
        target = ROOT / f"dist-scorm/{chapter.slug}.zip"
        say(f"packing {chapter.slug}")
        write_package(site, chapter, target)
        print(f"{target.relative_to(ROOT)}, {target.stat().st_size / 1e6:.0f} MB")
    return 0


def _draft(say: Progress, base_url: str) -> None:
    wheel = _ready(say)
    from diffusion_lab.app.build.node_python import NodePython
    from diffusion_lab.app.build.site import build_site

    with NodePython() as python:
        build_site(wheel, say, python, base_url=base_url)


def _serve(options: argparse.Namespace, say: Progress) -> int:
    port = free_port(options.port)
    wheel = _ready(say)
    from diffusion_lab.app.build.live_preview import serve

    serve(wheel, port, say)
    return 0


def _test(options: argparse.Namespace, say: Progress) -> int:
    if options.quick:
        return _quick_test(options, say)
    _built(say, tests=True)
    browser = ensure_browser(say)
    os.environ["DIFFUSION_LAB_BROWSER"] = browser
    if options.every_browser:
        ensure_every_browser(say)
        return _pytest(["-m", "every_browser", BROWSER_TESTS, *options.further])
    say("running the tests")
    if options.further:
        return _pytest(options.further)
    codes = [
        _pytest([*TWO_PROCESSES, f"--ignore={BROWSER_TESTS}"]),
        _pytest([*TWO_PROCESSES, "-m", "not alone and not every_browser", BROWSER_TESTS]),
        _pytest(["-m", "alone", BROWSER_TESTS]),
    ]
    return next(filter(None, codes), 0)


def _quick_test(options: argparse.Namespace, say: Progress) -> int:
    ensure_python(say, tests=True)
    ensure_front_end(say)
    from diffusion_lab.app.build import quick_tests

    now = quick_tests.parts()
    wanted = quick_tests.changed(now)
    if not wanted:
        say("nothing has changed since a quick run last passed")
        return 0
    say(f"running the tests of {', '.join(wanted)}")
    code = _pytest([*([] if options.further else TWO_PROCESSES), *quick_tests.arguments(wanted), *options.further])
    if code == 0 and not options.further:  # further arguments may have made pytest skip some tests
        quick_tests.keep(now)
    return code


def _pytest(arguments: list[str]) -> int:
    return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)


def _bench(options: argparse.Namespace, say: Progress) -> int:
    _built(say, tests=True)
    browser = ensure_browser(say)
    if options.name == "browsers":
        ensure_every_browser(say)
    script = ROOT / f"tests/benchmarks/{options.name}.py"
    return subprocess.call(
        [sys.executable, str(script), *options.further],
        cwd=ROOT,
        env={**os.environ, "DIFFUSION_LAB_BROWSER": browser},
    )


def _readme(options: argparse.Namespace, say: Progress) -> int:
    ensure_python(say)
    from diffusion_lab.app.build.readme import write_readme
    from diffusion_lab.app.build.site import read_documents, read_references

    chapters, _ = read_documents(read_references())
    write_readme(chapters)
    say("README.md and its pictures are up to date")
    return 0


def _new_instrument(options: argparse.Namespace, say: Progress) -> int:
    ensure_python(say)
    from diffusion_lab.app.build.new_instrument import write_instrument

    for path in write_instrument(options.name, options.chapter):
        print(path.relative_to(ROOT))
    return 0
