"""A copy of this checkout to build and edit in, whole or small, with what the build has kept so far.

Tools and packages are shared with this checkout.
"""

import shutil
import subprocess
from pathlib import Path

from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, VENV, WORK

#: What of `.build/` is left behind: sites, and what benchmarks wrote.
NOT_KEPT = shutil.ignore_patterns("new", "draft", "discarded", "mounted", "benchmarks", "lock", "scorm")


def copy_checkout(target: Path, *, kept: bool = True) -> Path:
    """Copies all files that belong to the checkout to `target`, and with `kept` the results of its last build."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\n"):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / VENV.relative_to(ROOT)).symlink_to(VENV)
    (target / NODE_MODULES.relative_to(ROOT)).symlink_to(NODE_MODULES)
    if kept:
        shutil.copytree(WORK, target / WORK.relative_to(ROOT), ignore=NOT_KEPT)
    return target


#: The chapter of the small lab, and the instruments that are in it.
CHAPTER, INSTRUMENTS = "01-forward.md", ("ring", "schedule")


def copy_small_lab(target: Path) -> Path:
    """The same with the first chapter and its instruments only: a build of it takes a few seconds."""
    checkout = copy_checkout(target)
    for path in checkout.glob("chapters/[0-9]*.md"):
        if path.name != CHAPTER:
            path.unlink()
    for path in checkout.glob("instruments/*/component.py"):
        if path.parent.name not in INSTRUMENTS:
            shutil.rmtree(path.parent)
    for name, entry in (("glossary.toml", "\n"), ("half_hour.toml", "\n[[stop]]\n")):
        path = checkout / "chapters" / name
        entries = path.read_text("utf-8").split(entry)
        path.write_text(entry.join(e for e in entries if "at = " not in e or 'at = "forward#' in e), "utf-8")
    path = checkout / "chapters/disagreements.md"
    head, *sections = path.read_text("utf-8").split("\n## ")
    path.write_text("\n## ".join([head, *(s for s in sections if s.startswith("What is ᾱ"))]), "utf-8")
    return checkout
