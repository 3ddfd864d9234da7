"""oEmbed: the fields of a response by the specification, and the code of the dialog in it."""

import json
import re
import subprocess

import pytest

from diffusion_lab.app.build.oembed import Embedded, checked_base_url, oembed_files
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

BASE = "https://lab.example/course/"
RING = Embedded("embed/ring", 'Ring & "clusters"', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 450.4">')
QUIZ = Embedded("embed/quiz/forward-noised-value", "Question · The forward process")
NEW = Embedded("embed/quiz/forward-new", "Question · The forward process")

RING_HEIGHTS = re.search(r'ring:\s*"(.*)"', (ROOT / "static/js/embed/frame_heights.js").read_text("utf-8"))[1]


def height_at_736() -> int:
    """The published height of the ring at the width of the response."""
    return int(dict(pair.split(":") for pair in RING_HEIGHTS.split())["736"])


#: Of a response of type `rich` (oembed.com, 2.3.4): those that must be there, and those that may.
REQUIRED = {"type": str, "version": str, "html": str, "width": int, "height": int}
OPTIONAL = {"title": str, "provider_name": str, "provider_url": str, "cache_age": int, "author_name": str,
            "author_url": str}  # fmt: skip
#: If one of these is there, all are.
THUMBNAIL = {"thumbnail_url": str, "thumbnail_width": int, "thumbnail_height": int}


def problems(response: dict[str, object]) -> list[str]:
    """What the specification forbids in a response."""
    kinds = {**REQUIRED, **OPTIONAL, **THUMBNAIL}
    found = [name for name, value in response.items() if not isinstance(value, kinds.get(name, ()))]
    found += [name for name in REQUIRED if name not in response]
    if set(THUMBNAIL) & set(response) and not set(THUMBNAIL) <= set(response):
        found.append("thumbnail")
    if response.get("version") != "1.0" or response.get("type") != "rich":
        found.append("kind")
    return found


@pytest.fixture(scope="module")
def files() -> dict[str, dict]:
    return {path: json.loads(text) for path, text in oembed_files(BASE, [RING, QUIZ, NEW]).items()}


def test_each_page_has_a_valid_response(files):
    assert list(files) == ["embed/ring.json", "embed/quiz/forward-noised-value.json", "embed/quiz/forward-new.json"]
    assert [problems(response) for response in files.values()] == [[], [], []]
    ring, quiz, new = files.values()
    assert (ring["title"], ring["provider_url"], ring["width"], ring["height"]) == (
        RING.title,
        BASE,
        736,
        height_at_736(),
    )
    assert [ring[name] for name in THUMBNAIL] == [f"{BASE}embed/ring.svg", 600, 450]
    assert not set(THUMBNAIL) & set(quiz)
    assert quiz["height"] != 480 and "data-heights=" in str(quiz["html"])
    assert new["height"] == 480 and "data-heights=" not in str(new["html"]), "no published height"


def test_the_code_is_that_of_the_dialog(files):
    embed = {
        "address": f"{BASE}embed/ring.html",
        "name": "ring",
        "title": RING.title,
        "query": "",
        "options": "",
        "heights": RING_HEIGHTS,
    }
    code = (ROOT / "static/js/embed/code.js").as_uri()
    script = f"import {{ iframeCode }} from '{code}'; process.stdout.write(iframeCode({json.dumps(embed)}))"
    done = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    assert files["embed/ring.json"]["html"] == done.stdout
    assert done.stdout.startswith(f'<iframe src="{BASE}embed/ring.html" title="Ring &amp; &quot;clusters&quot;"')


@pytest.mark.parametrize("change", [{"width": "736"}, {"html": None}, {"thumbnail_width": None}, {"version": "2"}])
def test_a_wrong_response_is_found(files, change):
    response = {**files["embed/ring.json"], **change}
    assert problems({name: value for name, value in response.items() if value is not None})


@pytest.mark.parametrize("text", ["https://lab.example/course", "https://lab.example/course/", "http://localhost:8000"])
def test_an_address_ends_with_one_slash(text):
    assert checked_base_url(text) == text.rstrip("/") + "/"


@pytest.mark.parametrize("text", ["lab.example", "ftp://lab.example", "https://", "https://a/?b", "https://a/#b", "/x"])
def test_a_wrong_address_is_refused(text):
    with pytest.raises(SetupError, match=r"^--base-url must be the address of the published site, such as .*, got '"):
        checked_base_url(text)
