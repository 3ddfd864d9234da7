"""The user's cache folder: finished wheels, each beside a note with its hash."""

import ast
import contextlib
import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .commands import Say
from .errors import WheelError

NAME = "diffusion-instrument-lab"


def cache_root(environ: Mapping[str, str]) -> Path:
    """The folder that keeps what is costly to make; `DIFFUSION_LAB_CACHE` moves it."""
    if environ.get("DIFFUSION_LAB_CACHE"):
        return Path(environ["DIFFUSION_LAB_CACHE"]).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / NAME


def file_hash(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recipe_hash(folder: Path) -> str:
    """A short hash of the files in `folder`: when one changes, wheels made before are not used any more.

    Comments and line breaks in Python files do not count: a formatter must not cost a build.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            if path.suffix == ".py":
                content = ast.unparse(ast.parse(content)).encode()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


class Cache:
    """Wheels under `root/wheels/KEY/ORIGIN/`; unfinished work is elsewhere under `root`, on the same disk."""

    def __init__(self, root: Path, key: str, file_name: str, say: Say):
        self.root = root
        self.folder = root / "wheels" / key
        self.file_name = file_name
        self.say = say

    def find(self, origins: list[str]) -> Path | None:
        """The cached wheel of the first of `origins` that has a sound one; a damaged one is removed."""
        for origin in origins:
            folder = self.folder / origin
            wheel, note = folder / self.file_name, folder / "wheel.json"
            if not folder.exists():
                continue
            try:
                expected = json.loads(note.read_text())["sha256"]
                if file_hash(wheel) == expected:
                    return wheel
                reason = "its hash is wrong"
            except (OSError, ValueError, KeyError, TypeError):
                reason = "it is incomplete"
            self.say(f"NumPy: the wheel in the cache is not used, {reason}; removing {folder}")
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def put(self, wheel: Path, origin: str, facts: dict[str, object]) -> Path:
        """Takes a verified wheel over into the cache, all at once: wheel and note appear in one renaming."""
        folder = self.folder / origin
        with self.work_folder() as work:
            new = work / "new"
            new.mkdir()
            shutil.copyfile(wheel, new / self.file_name)
            note = {"sha256": file_hash(new / self.file_name), "origin": origin, **facts}
            (new / "wheel.json").write_text(json.dumps(note, indent=2) + "\n")
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                folder.replace(work / "old")  # a folder cannot be renamed onto a full one
            new.replace(folder)
        return folder / self.file_name

    @contextlib.contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A folder for work in progress, removed at the end whatever happens."""
        parent = self.root / "work"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="numpy-", dir=parent))
        except OSError as error:
            raise WheelError(
                f"The cache folder {self.root} cannot be written to ({error.strerror}). "
                "Point DIFFUSION_LAB_CACHE at a folder that can."
            ) from None
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until no other process is making a wheel for this cache, then keeps others waiting."""
        with self.work_folder():  # also tells early whether the cache can be written to
            pass
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.say("NumPy: another process is making the wheel; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self.root / "work", ignore_errors=True)  # left behind by a process that was killed
            yield
