"""The lab's command line: `python build.py site | scorm | serve | test | bench | readme | new`.

Each command first installs the packages it needs.
"""

import sys
import types
from pathlib import Path

# Makes the checkout importable as the package `diffusion_lab` before anything is installed.
lab = types.ModuleType("diffusion_lab")
lab.__path__ = [str(Path(__file__).resolve().parent)]
sys.modules["diffusion_lab"] = lab

from diffusion_lab.app.build.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
