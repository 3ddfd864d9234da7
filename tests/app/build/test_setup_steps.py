"""Set-up: what it refuses, in which words, and that a broken run is repeated and never trusted."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_lab.app.build import setup_steps
from diffusion_lab.app.build.setup_steps import (
    SetupError,
    ensure_browser,
    ensure_every_browser,
    ensure_front_end,
    ensure_python,
    free_port,
)

ROOT = Path(__file__).parents[3]
DONE, FAILED = 0, 1


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A separate checkout with lock files and nothing installed; commands of a test's choice answer for real ones."""
    (tmp_path / "static").mkdir()
    for name in ("requirements-build.lock", "requirements-test.lock", "pyproject.toml", "static/package-lock.json"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(setup_steps, "ROOT", tmp_path)
    monkeypatch.setattr(setup_steps, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup_steps, "NODE_MODULES", tmp_path / "static/node_modules")
    monkeypatch.setattr(setup_steps, "LOCK_BUILD", tmp_path / "requirements-build.lock")
    monkeypatch.setattr(setup_steps, "LOCK_TEST", tmp_path / "requirements-test.lock")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))  # as if this process were in it already
    return tmp_path


@pytest.fixture
def commands(checkout, monkeypatch):
    """Takes the place of subprocess.run: notes each command, makes what it would make, and answers with `code`."""

    class Commands(list):
        code = DONE

        def __call__(self, command, **options):
            self.append([str(part) for part in command])
            if "venv" in command:  # `python -m venv` makes the interpreter first and pip last
                (checkout / ".venv/bin").mkdir(parents=True)
                (checkout / ".venv/bin/python").touch()
            if command[0] == "npm":
                shutil.rmtree(checkout / "static/node_modules", ignore_errors=True)
                (checkout / "static/node_modules").mkdir()
            output = "v20.1.0\n" if "--version" in command else ""
            return subprocess.CompletedProcess(command, self.code, stdout=output)

        def named(self, word: str) -> int:
            return sum(word in command for command in self)

    made = Commands()
    monkeypatch.setattr(setup_steps.subprocess, "run", made)
    return made


def refusal(call, *arguments) -> str:
    with pytest.raises(SetupError) as refused:
        call(*arguments)
    return str(refused.value)


# --- ports -----------------------------------------------------------------------------------------------------------


def test_a_port_that_is_free_is_taken_as_it_is():
    port = free_port()
    assert free_port(port) == port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_port_in_use_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert refusal(free_port, port) == f"Port {port} is in use; choose another with --port, or leave it out."


@pytest.mark.parametrize("port", [65536, -1])
def test_a_port_that_is_none_is_refused(port):
    assert str(port) in refusal(free_port, port)


# --- Python ----------------------------------------------------------------------------------------------------------


def test_python_is_set_up_once(commands, said):
    ensure_python(said.append)
    assert said == ["making a virtual environment in .venv", "installing Python packages from requirements-build.lock"]
    assert [commands.named(word) for word in ("venv", "--require-hashes", "-e")] == [1, 1, 1]
    commands.clear()
    ensure_python(said.append)
    assert commands == []


def test_tests_have_a_lock_of_their_own(commands, said):
    ensure_python(said.append)
    commands.clear()
    ensure_python(said.append, tests=True)
    assert said[-1] == "installing Python packages from requirements-test.lock"
    (install,) = [command for command in commands if "--require-hashes" in command]
    assert install[-1].endswith("requirements-test.lock")


def test_where_the_tests_packages_are_the_builds_are_too(commands, said):
    """A copy of the checkout that shares `.venv` must not install itself into it."""
    ensure_python(said.append, tests=True)
    commands.clear()
    ensure_python(said.append)
    assert commands == []


@pytest.mark.parametrize("file", ["requirements-build.lock", "requirements-test.lock", "pyproject.toml"])
def test_what_was_made_from_other_locks_is_not_trusted(commands, said, checkout, file):
    ensure_python(said.append)
    commands.clear()
    (checkout / file).write_text("changed")
    ensure_python(said.append)
    assert commands.named("--require-hashes") == 1


def test_a_failed_installation_leaves_no_stamp(commands, said, checkout):
    ensure_python(said.append)  # a virtual environment, and its stamp
    (checkout / "requirements-build.lock").write_text("changed")
    commands.code = FAILED
    advice = "Python packages could not be installed; look at the message above, then run the command again."
    assert refusal(ensure_python, said.append) == advice
    commands.code = DONE
    commands.clear()
    ensure_python(said.append)
    assert commands.named("--require-hashes") == 1


def test_a_virtual_environment_that_cannot_be_made_is_told(commands, said):
    commands.code = FAILED
    message = "The virtual environment could not be made; on Debian install python3-venv."
    assert refusal(ensure_python, said.append) == message


def test_half_a_virtual_environment_is_made_again(commands, said):
    commands.code = FAILED  # as when it is interrupted, or ensurepip is missing
    refusal(ensure_python, said.append)
    commands.code = DONE
    commands.clear()
    ensure_python(said.append)
    assert commands.named("venv") == 1


def test_a_lock_missing_from_the_checkout_is_told(commands, said, checkout):
    (checkout / "requirements-test.lock").unlink()
    assert refusal(ensure_python, said.append) == "requirements-test.lock is missing from the checkout."


def test_an_old_python_is_refused(commands, said, monkeypatch):
    monkeypatch.setattr(setup_steps, "PYTHON_NEEDED", (4, 0))
    assert refusal(ensure_python, said.append).startswith("Python 3.11 or newer is needed, this is 3.")


def test_too_little_disk_is_refused_before_anything_is_made(commands, said, checkout, monkeypatch):
    free = 512 * 2**20
    monkeypatch.setattr(setup_steps.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, free))
    message = f"Set-up needs 3 GB of disk space, 0.5 GB are free at {checkout}."
    assert refusal(ensure_python, said.append) == message
    assert (commands, said) == ([], [])


def test_what_is_installed_already_needs_no_disk(commands, said, checkout, monkeypatch):
    ensure_python(said.append)
    ensure_front_end(said.append)
    monkeypatch.setattr(setup_steps.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, 0))
    ensure_python(said.append)


# --- the front end ---------------------------------------------------------------------------------------------------


def test_the_front_end_is_set_up_once(commands, said, checkout):
    ensure_front_end(said.append)
    (install,) = [command for command in commands if command[0] == "npm"]
    assert install[:4] == ["npm", "ci", "--prefix", str(checkout / "static")]
    commands.clear()
    ensure_front_end(said.append)
    assert commands == []
    (checkout / "static/package-lock.json").write_text("changed")
    ensure_front_end(said.append)
    assert commands.named("ci") == 1


def test_a_failed_npm_leaves_no_stamp(commands, said, checkout):
    ensure_front_end(said.append)
    (checkout / "static/package-lock.json").write_text("changed")
    commands.code = FAILED
    assert "could not be installed" in refusal(ensure_front_end, said.append)
    commands.code = DONE
    commands.clear()
    ensure_front_end(said.append)
    assert commands.named("ci") == 1


def test_missing_node_is_told(checkout, said, monkeypatch):
    monkeypatch.setenv("PATH", str(checkout))
    message = "Node 20 or newer with npm is needed and was not found on the PATH."
    assert refusal(ensure_front_end, said.append) == message
    assert said == []


def test_an_old_node_is_told(checkout, said, monkeypatch):
    for name in ("node", "npm"):
        script = checkout / name
        script.write_text("#!/bin/sh\necho v18.19.0\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(checkout))
    assert refusal(ensure_front_end, said.append) == "Node 20 or newer is needed, this is v18.19.0."


# --- the browser -----------------------------------------------------------------------------------------------------


def test_the_browser_that_is_named_is_taken(monkeypatch, said):
    monkeypatch.setenv("DIFFUSION_LAB_BROWSER", sys.executable)
    assert ensure_browser(said.append) == sys.executable


def test_a_browser_that_is_named_and_absent_is_refused(monkeypatch, said):
    monkeypatch.setenv("DIFFUSION_LAB_BROWSER", "/no/such/browser")
    message = "DIFFUSION_LAB_BROWSER is /no/such/browser, which cannot be run."
    assert refusal(ensure_browser, said.append) == message


def test_without_a_browser_and_without_the_right_to_install_one_it_says_what_to_do(monkeypatch, said, tmp_path):
    monkeypatch.delenv("DIFFUSION_LAB_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = "The tests need Chromium: install it, or set DIFFUSION_LAB_BROWSER to a browser's path."
    assert refusal(ensure_browser, said.append) == message


def test_packages_of_the_other_browsers_that_cannot_be_installed_are_named(monkeypatch, said, tmp_path):
    firefox = tmp_path / "firefox-esr"
    firefox.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = (
        "The tests in every browser need Debian's packages chromium-driver, webkit2gtk-driver, xvfb: install them."
    )
    assert refusal(ensure_every_browser, said.append) == message
    for program in ("chromedriver", "WebKitWebDriver", "Xvfb"):
        (tmp_path / program).touch(mode=0o755)
    ensure_every_browser(said.append)
    assert said == []


# --- the command line ------------------------------------------------------------------------------------------------


def build(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60)


@pytest.mark.parametrize("arguments", [(), ("sight",), ("site", "--fast"), ("serve", "--port", "many")])
def test_a_wrong_command_is_2(arguments):
    done = build(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: build.py")
    assert "Traceback" not in done.stderr


def test_help_is_0_and_names_every_command():
    done = build("--help")
    assert done.returncode == 0
    assert all(f"\n    {command}" in done.stdout for command in ("site", "serve", "test", "bench"))


def test_a_port_in_use_is_1_and_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = build("serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"\nbuild.py: Port {port} is in use; choose another with --port, or leave it out.\n"


def test_arguments_of_pytest_may_begin_with_an_option():
    from diffusion_lab.app.build.command_line import _options

    assert _options(["test", "-k", "ring"]).further == ["-k", "ring"]
    with pytest.raises(SystemExit):
        _options(["site", "-k", "ring"])


def test_the_command_line_needs_nothing_installed():
    """In a bare interpreter, without site-packages: the set-up begins there."""
    command = [sys.executable, "-I", "-S", str(ROOT / "build.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_installation_that_breaks_ends_with_1_and_says_what_to_do(monkeypatch, commands, capsys):
    from diffusion_lab.app.build.command_line import main

    commands.code = FAILED
    assert main(["site"]) == 1
    assert capsys.readouterr().err == (
        "\nbuild.py: The virtual environment could not be made; on Debian install python3-venv.\n"
    )
