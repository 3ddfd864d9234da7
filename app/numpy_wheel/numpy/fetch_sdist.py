"""Downloads NumPy's sdist: `fetch_sdist.py VERSION FOLDER`, run in the recipe's venv, which has pypi-simple.

`pip download` would run the sdist's build to read its metadata. The package index is the one that pip uses.
"""

import os
import subprocess
import sys
from pathlib import Path

from pypi_simple import PyPISimple


def index_of_pip() -> dict[str, str]:
    """Returns the index of pip's configuration as arguments for PyPISimple; none if pip has no such setting."""
    address = os.environ.get("PIP_INDEX_URL", "")
    if not address:
        command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        address = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"endpoint": address} if address else {}


def main(version: str, folder: Path) -> None:
    """Downloads the sdist; pypi-simple checks it against the hash in the index."""
    if os.environ.get("PIP_CERT"):
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["PIP_CERT"])
    with PyPISimple(**index_of_pip()) as client:
        packages = client.get_project_page("numpy").packages
        sdists = [p for p in packages if p.version == version and p.package_type == "sdist"]
        if not sdists:
            sys.exit(f"the package index has no sdist of NumPy {version}")
        client.download_package(sdists[0], folder / f"numpy-{version}.tar.gz", verify=True, timeout=60)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
