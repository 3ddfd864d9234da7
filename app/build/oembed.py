"""oEmbed (oembed.com, version 1.0): for each embed page a static JSON file with the code that other sites paste.

Addresses in these files are absolute, so they are written only if the build knows the site's address.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from diffusion_lab.app.build.setup_steps import SetupError

SCRIPT = Path(__file__).parent / "node/iframe_codes.mjs"

#: In pixels; the frame itself takes the width that there is.
WIDTH = 736


@dataclass(frozen=True)
class Embedded:
    """An embed page: its address below the site's root without `.html`, its title, and its picture (SVG), if any."""

    path: str
    title: str
    poster: str = ""


def checked_base_url(text: str) -> str:
    """Returns the site's address with a slash at its end; raises `SetupError` if it is no web address."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        wanted = "must be the address of the published site, such as https://example.org/lab/"
        raise SetupError(f"--base-url {wanted}, got {text!r}.")
    return text.rstrip("/") + "/"


def oembed_files(base_url: str, pages: Sequence[Embedded]) -> dict[str, str]:
    """Returns path below the site's root → JSON for each embed page. `base_url` ends with a slash."""
    return {
        f"{page.path}.json": json.dumps(_response(base_url, page, **one), ensure_ascii=False, indent=1) + "\n"
        for page, one in zip(pages, iframe_codes(base_url, pages), strict=True)
    }


def iframe_codes(base_url: str, pages: Sequence[Embedded]) -> list[dict[str, Any]]:
    """Returns the code to paste for each embed page, and its height at `WIDTH`: `{"code": …, "height": …}`."""
    embeds = [
        {
            "address": f"{base_url}{page.path}.html",
            "title": page.title,
            "query": "",
            "options": "",
            "name": page.path.removeprefix("embed/"),
        }
        for page in pages
    ]
    asked = json.dumps({"width": WIDTH, "embeds": embeds})
    done = subprocess.run(["node", str(SCRIPT)], input=asked, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"The code of the embed pages could not be made:\n{done.stderr}")
    made: list[dict[str, Any]] = json.loads(done.stdout)
    return made


def _response(base_url: str, page: Embedded, code: str, height: int) -> dict[str, str | int]:
    """Returns the oEmbed response of one page, of type `rich`."""
    return {
        "version": "1.0",
        "type": "rich",
        "title": page.title,
        "provider_name": "Diffusion Instrument Lab",
        "provider_url": base_url,
        "html": code,
        "width": WIDTH,
        "height": height,
        **(_thumbnail(base_url, page) if page.poster else {}),
    }


def _thumbnail(base_url: str, page: Embedded) -> dict[str, str | int]:
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', page.poster)
    if not size:
        raise ValueError(f"The picture of {page.path} has no size.")
    width, height = (round(float(number)) for number in size.groups())
    return {
        "thumbnail_url": f"{base_url}{page.path}.svg",
        "thumbnail_width": width,
        "thumbnail_height": height,
    }
