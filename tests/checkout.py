"""A copy of this checkout to build and edit in, with what the build has kept so far; tools and packages are shared."""

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
