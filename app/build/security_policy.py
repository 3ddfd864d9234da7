"""The Content-Security-Policy of each page: only the site's own files run or are loaded, and no script that is text.

`SECURITY.md` says what this protects, and what Bokeh, Panel and Pyodide need.
"""

from __future__ import annotations

import base64
import hashlib
import re

#: Where the policy is put in a page: before anything that it governs.
PLACE = '<meta charset="utf-8">'

#: A script in the page itself, or its import map; other data in a script element (JSON) need no leave.
INLINE_SCRIPT = re.compile(r'<script(?: type="importmap")?>(.*?)</script>', re.DOTALL)

DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",  # WebAssembly: Pyodide
    "style-src": "'self' 'unsafe-inline'",  # Bokeh and Panel write style elements and attributes
    "img-src": "'self' data: blob:",  # pictures that are saved
    "font-src": "'self'",
    "connect-src": "'self' data: blob:",  # data: Pyodide's empty library; blob: how a worker hears that it is to stop
    "worker-src": "'self' blob:",  # blob: workers under this policy (static/js/page/worker_under_policy.js)
    "frame-src": "'self'",  # the preview of an embed code
    "base-uri": "'none'",
    "form-action": "'none'",
    "object-src": "'none'",
}


def with_policy(page: str) -> str:
    """Returns an HTML page with its policy, which contains the hashes of the scripts in the page itself.

    Raises ValueError if the page has no place for it.
    """
    if page.count(PLACE) != 1:
        raise ValueError(f"A page must contain {PLACE} once.")
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in INLINE_SCRIPT.findall(page))
    directives = DIRECTIVES | {"script-src": f"{DIRECTIVES['script-src']} {hashes}".rstrip()}
    policy = "; ".join(f"{name} {sources}" for name, sources in directives.items())
    return page.replace(PLACE, f'{PLACE}\n<meta http-equiv="Content-Security-Policy" content="{policy}">')


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
