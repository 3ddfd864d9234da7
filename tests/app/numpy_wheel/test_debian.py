from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel import WheelError, debian
from diffusion_lab.app.numpy_wheel.commands import Runner, progress

DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/some.gpg

Types: deb-src
URIs: http://mirror.example/source
Suites: bookworm
Components: main

Types: deb deb-src
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs:
 http://a.example/debian
 http://b.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""

ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb http://plain.example/debian bookworm main contrib # more
deb-src http://source.example/debian bookworm main
  deb [ arch=amd64 signed-by=/keys.gpg ] http://options.example/debian bookworm-updates main
deb [trusted=yes] file:/srv/debian ./
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "logs/log", lambda text: None)


def test_deb822_sources():
    first, second = debian.parse_deb822(DEB822)
    assert first.uris == ("http://mirror.example/debian",)
    assert first.suites == ("bookworm", "bookworm-updates")
    assert first.components == ("main", "contrib")
    assert first.options == (("signed-by", "/usr/share/keyrings/some.gpg"),)
    assert second.uris == ("http://a.example/debian", "http://b.example/debian")
    assert second.options[0][1].endswith("BLOCK-----\n .\n abc")


def test_one_line_sources():
    plain, options, flat = debian.parse_one_line(ONE_LINE)
    assert plain == debian.Source(("http://plain.example/debian",), ("bookworm",), ("main", "contrib"))
    assert options.uris == ("http://options.example/debian",)
    assert options.options == (("signed-by", "/keys.gpg"),)
    assert flat.options == (("trusted", "yes"),)


def test_the_mirror_is_the_one_of_the_machines_own_suite(tmp_path: Path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://security.example/ bookworm-security main\n")
    (tmp_path / "sources.list.d/other.list").write_text("deb http://other.example/ stable main\n")
    (tmp_path / "sources.list.d/z.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/a.sources.disabled").write_text(DEB822.replace("mirror", "disabled"))
    sources = debian.machine_sources(tmp_path)
    assert debian.debian_mirror(sources, "bookworm").uris == ("http://mirror.example/debian",)
    with pytest.raises(WheelError, match="no mirror for Debian's suite noble"):
        debian.debian_mirror(sources, "noble")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('ID=debian\nVERSION_CODENAME="bookworm"\n', "bookworm"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\n", ""),
        ("", ""),
    ],
)
def test_codename(tmp_path: Path, content: str, name: str):
    (tmp_path / "os-release").write_text(content)
    assert debian.codename(tmp_path / "os-release") == name
    assert debian.codename(tmp_path / "none") == ""


PROGRAMS = {
    "clang-19": "clang-19",
    "wasm-ld-19": "lld-19",
    "llvm-ar-19": "llvm-19",
    "llvm-strip-19": "llvm-19",
}


@pytest.mark.parametrize(
    ("there", "is_root", "message"),
    [
        ({"apt-get"}, False, "only root may install them. .*apt-get install clang-19 lld-19 llvm-19$"),
        ({"apt-get", "clang-19"}, False, "packages lld-19 llvm-19 are missing"),
        ({"wasm-ld-19"}, True, "no apt-get .*apt-get install clang-19 llvm-19$"),
    ],
)
def test_missing_compilers_are_named(runner: Runner, there: set[str], is_root: bool, message: str):
    def find(name: str) -> str | None:
        return name if name in there else None

    with pytest.raises(WheelError, match=message):
        debian.ensure_programs(runner, PROGRAMS, find=find, is_root=is_root)


def test_root_installs_what_is_missing(runner: Runner, monkeypatch: pytest.MonkeyPatch):
    there, commands = {"apt-get", "clang-19"}, []

    def run(what: str, command: list[str], **options: object) -> str:
        commands.append(command)
        if "install" in command:
            there.update(PROGRAMS)
        return ""

    monkeypatch.setattr(runner, "run", run)
    debian.ensure_programs(runner, PROGRAMS, find=lambda n: n if n in there else None, is_root=True)
    assert [command[1] for command in commands] == ["update", "install"]
    assert commands[1][-2:] == ["lld-19", "llvm-19"]
    debian.ensure_programs(runner, PROGRAMS, find=lambda n: n if n in there else None, is_root=True)
    assert len(commands) == 2


def test_an_install_without_effect_is_an_error(runner: Runner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "run", lambda *a, **k: "")
    find = {"apt-get": "apt-get"}.get
    with pytest.raises(WheelError, match="programs are not found"):
        debian.ensure_programs(runner, PROGRAMS, find=find, is_root=True)


def test_other_suites_have_a_configuration_of_their_own(runner: Runner, tmp_path: Path, monkeypatch):
    commands = []
    monkeypatch.setattr(runner, "run", lambda what, command, **options: commands.append(command))
    mirror = debian.parse_deb822(DEB822)[0]
    debian.OtherSuites(tmp_path / "apt", mirror, ["trixie", "forky"], runner)
    written = (tmp_path / "apt/sources/other.sources").read_text()
    (again,) = debian.parse_deb822(written)
    assert again.uris == mirror.uris
    assert again.suites == ("trixie", "forky")
    assert again.options == mirror.options
    assert f"Dir::State::Lists={tmp_path}/apt/lists" in commands[0]
    debian.OtherSuites(tmp_path / "apt2", debian.parse_one_line(ONE_LINE)[0], ["trixie"], runner)
    assert f"signed-by: {debian.DEBIAN_KEYS}" in (tmp_path / "apt2/sources/other.sources").read_text()


def test_a_failing_program_is_reported_with_its_last_lines_and_the_log(runner: Runner):
    with pytest.raises(WheelError) as error:
        runner.run("listing", ["sh", "-c", "echo the reason; exit 3"], advice="Do this.")
    assert "listing failed (exit code 3). Do this." in str(error.value)
    assert "the reason" in str(error.value)
    assert str(runner.log) in str(error.value)
    assert "the reason" in runner.log.read_text()
    with pytest.raises(WheelError, match="no-such-program cannot be run"):
        runner.run("listing", ["no-such-program"])


def test_a_program_returns_its_own_output_alone(runner: Runner):
    runner.run("first", ["echo", "one"])
    assert runner.run("second", ["sh", "-c", 'echo "$WORD"'], env={"WORD": "two"}) == "two\n"


@pytest.mark.parametrize(
    ("output", "shown"),
    [("[1/331] a\n[12/331] b\n", "[12/331], "), (".... [  3%]\n.... [ 45%]", "[ 45%], "), ("nothing", "")],
)
def test_progress_is_the_last_step(output: str, shown: str):
    assert progress(output) == shown
