"""The policy of pages: in front of what it governs, with the hash of each script in the page."""

import re

import pytest

from diffusion_lab.app.build.security_policy import PLACE, with_policy

PAGE = f"""<head>{PLACE}
<script>go("<")
</script><script type="application/json">{{}}</script><script src="a.js"></script>
</head>"""


def test_a_script_in_the_page_is_allowed_by_its_hash():
    page = with_policy(PAGE)
    policy = re.search(r'content="([^"]*)"', page)[1]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src "))
    # printf 'go("<")\n' | openssl dgst -sha256 -binary | base64
    assert scripts == "script-src 'self' 'wasm-unsafe-eval' 'sha256-UvmWjJitUJZGrq8TMUScwfs8C2/nGa9CHedXJhwRwA0='"
    assert page.index("Content-Security-Policy") < page.index("<script>")


def test_a_page_without_scripts_of_its_own_names_no_hash():
    assert "sha256" not in with_policy(f"<head>{PLACE}</head>")


def test_a_page_needs_one_place_for_the_policy():
    for page in ("<head></head>", PLACE * 2):
        with pytest.raises(ValueError, match="once"):
            with_policy(page)
