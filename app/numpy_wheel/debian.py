"""Debian packages: installs compilers with apt, and extracts files from packages of other suites."""

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .commands import Runner
from .errors import WheelError

SOURCES = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
# Debian's default keys, for a source that names none (as in the older one-line format).
DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Source:
    """One package source of the machine's apt configuration."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()  # (field in lower case, value), such as signed-by and trusted


def parse_deb822(text: str) -> list[Source]:
    """Parses the sources in a `.sources` file: stanzas of `Field: value` lines, continued by indented lines."""
    sources = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                if name:
                    fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
            "no",
            "false",
        ):
            continue
        options = tuple((name, fields[name]) for name in ("signed-by", "trusted") if fields.get(name))
        uris, suites, components = (tuple(fields.get(n, "").split()) for n in ("uris", "suites", "components"))
        sources.append(Source(uris, suites, components, options))
    return sources


def parse_one_line(text: str) -> list[Source]:
    """Parses the sources in a `sources.list` file: lines such as `deb [signed-by=KEYS] URI SUITE COMPONENT...`."""
    sources = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match is None:
            continue
        given, uri, suite, components = match.groups()
        pairs = [word.split("=", 1) for word in (given or "").split() if "=" in word]
        options = tuple((k.lower(), v) for k, v in pairs if k.lower() in ("signed-by", "trusted"))
        sources.append(Source((uri,), (suite,), tuple(components.split()), options))
    return sources


def machine_sources(folder: Path = SOURCES) -> list[Source]:
    """Returns all package sources of this machine's apt."""
    found = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            parse = parse_deb822 if path.suffix == ".sources" else parse_one_line
            found += parse(path.read_text(errors="replace"))
    return found


def debian_mirror(sources: list[Source], codename: str) -> Source:
    """Returns the source of the machine's own Debian release; its mirror also has all other suites."""
    for source in sources:
        if codename in source.suites and "main" in source.components:
            return source
    raise WheelError(
        f"apt's sources on this machine name no mirror for Debian's suite {codename or '(unknown)'}. "
        "Building NumPy needs Debian 12 or later with its package mirror in /etc/apt."
    )


def codename(os_release: Path = OS_RELEASE) -> str:
    """Returns the name of this machine's Debian release, such as bookworm; "" if it is not Debian."""
    text = os_release.read_text() if os_release.is_file() else ""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return fields.get("VERSION_CODENAME", "").strip('"') if fields.get("ID", "").strip('"') == "debian" else ""


def ensure_programs(
    runner: Runner,
    programs: dict[str, str],
    *,
    find: Callable[[str], str | None] = shutil.which,
    is_root: bool | None = None,
) -> None:
    """Installs the packages of missing `programs` ({program: package}); raises `WheelError` if that is impossible."""
    missing = sorted({package for program, package in programs.items() if find(program) is None})
    if not missing:
        return
    names = " ".join(missing)
    by_hand = f"Install them by hand: apt-get install {names}"
    if find("apt-get") is None:
        raise WheelError(f"The packages {names} are missing and there is no apt-get (is this Debian?). {by_hand}")
    if not (os.geteuid() == 0 if is_root is None else is_root):
        raise WheelError(f"The packages {names} are missing and only root may install them. {by_hand}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    runner.say(f"  installing {names} with apt-get")
    runner.run("apt-get update", ["apt-get", "update", "-q"], env=quiet, advice="Is the package mirror reachable?")
    runner.run(
        f"installing {names}",
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing],
        env=quiet,
        advice=by_hand,
    )
    still = sorted({package for program, package in programs.items() if find(program) is None})
    if still:
        raise WheelError(f"apt-get install {' '.join(still)} ran, yet their programs are not found. {by_hand}")


class OtherSuites:
    """Packages of suites other than the machine's own, from the machine's mirror and verified with its keys.

    apt runs with a separate configuration and separate package lists in `folder`, so it changes nothing on the machine.
    """

    def __init__(self, folder: Path, mirror: Source, suites: list[str], runner: Runner):
        self.folder = folder
        self.runner = runner
        parts = folder / "sources"
        for each in (parts, folder / "lists/partial", folder / "cache"):
            each.mkdir(parents=True)
        options = dict(mirror.options)
        if "trusted" not in options:
            options.setdefault("signed-by", DEBIAN_KEYS)
        stanza = [
            "Types: deb",
            f"URIs: {' '.join(mirror.uris)}",
            f"Suites: {' '.join(suites)}",
            "Components: main",
        ]
        stanza += [f"{name}: {value}" for name, value in options.items()]
        (parts / "other.sources").write_text("\n".join(stanza) + "\n")
        self.options = [
            *("-o", "Dir::Etc::SourceList=/dev/null"),
            *("-o", f"Dir::Etc::SourceParts={parts}"),
            *("-o", f"Dir::State::Lists={folder}/lists"),
            *("-o", f"Dir::Cache={folder}/cache"),
            *("-o", "Acquire::Languages=none"),
        ]
        if os.geteuid() == 0:  # apt's sandbox user cannot write to a folder in root's home
            self.options += ["-o", "APT::Sandbox::User=root"]
        self._apt("reading the package lists of " + " and ".join(suites), "update", "-q")

    def unpack(self, package: str, suite: str, prefixes: list[str], into: Path) -> str:
        """Extracts the files of `package` below one of `prefixes` to `into`; returns the package's version."""
        self._apt(f"downloading {package}", "download", "-q", f"{package}/{suite}")
        (file,) = self.folder.glob(f"{package}_*.deb")
        self.runner.say(f"  unpacking {file.name} ({file.stat().st_size / 1e6:.0f} MB)")
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE) as process:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    if member.name.removeprefix("./").startswith(tuple(prefixes)):
                        archive.extract(member, into, filter="tar")
            assert process.stdout is not None
            process.stdout.read()  # the padding after the archive, so that dpkg-deb ends without an error
        if process.returncode != 0:
            raise WheelError(f"dpkg-deb could not unpack {file.name} (exit code {process.returncode})")
        file.unlink()
        return file.name.split("_")[1].replace("%3a", ":")

    def _apt(self, what: str, *arguments: str) -> None:
        self.runner.run(
            what,
            ["apt-get", *self.options, *arguments],
            cwd=self.folder,
            advice="Is the package mirror reachable, and does it carry these suites?",
        )
