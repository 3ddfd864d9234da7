"""The user's cache folder of finished wheels, each with a JSON file that has its hash."""

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
    """Returns the cache folder; the environment variable `DIFFUSION_LAB_CACHE` overrides the default."""
    if environ.get("DIFFUSION_LAB_CACHE"):
        return Path(environ["DIFFUSION_LAB_CACHE"]).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / NAME


def file_hash(path: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recipe_hash(folder: Path) -> str:
    """Returns a short hash of the files in `folder`. It is part of the cache key: a changed file invalidates the cache.

    Comments, docstrings and line breaks in Python files do not count, so that other words cause no rebuild.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            if path.suffix == ".py":
                content = _code(content)
            digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _code(source: bytes) -> bytes:
    """Returns Python source without comments and docstrings, in one format."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).encode()


class Cache:
    """Wheels in `root/wheels/KEY/ORIGIN/`; work in progress is in `root/work`, on the same disk."""

    def __init__(self, root: Path, key: str, file_name: str, say: Say):
        self.root = root
        self.folder = root / "wheels" / key
        self.file_name = file_name
        self.say = say

    def find(self, origins: list[str]) -> Path | None:
        """Returns the first intact cached wheel of `origins`, or None; removes damaged ones."""
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
        """Adds a verified wheel to the cache and returns its path; wheel and note appear atomically, by one rename."""
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
        """Yields a folder for work in progress, which is always removed at the end."""
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
        """Locks the cache: waits until no other process is making a wheel for it, and blocks others meanwhile."""
        with self.work_folder():  # raises an error early if the cache is not writable
            pass
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.say("NumPy: another process is making the wheel; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self.root / "work", ignore_errors=True)  # left by a killed process
            yield
