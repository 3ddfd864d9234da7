"""Makes the host pages `furo.html` and `jupyter_book.html` with the real tools: a page of a small course in each.

Run it to renew them when a theme changes its layout:

    python -m venv /tmp/hosts && /tmp/hosts/bin/pip install furo "jupyter-book>=1,<2"
    python tests/browser/hosts/make_real_hosts.py /tmp/hosts/bin

The tools are no dependency of the tests: they are 270 MB, and take longer to install than all tests of embedding. What
the tests need of a page is its layout; so a fixture has the page's HTML and those rules of its style sheets that match
something in it, without scripts and fonts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent

COURSE = """# Week 3: noise

A course page in MyST Markdown, with a paragraph of text before the instrument. What does noise leave of the data?

```{note}
A box of the theme.
```

## Try it

```{raw} html
<!--code-->
```

The text goes on below the frame.
"""

CONF = 'project = "Course"\nextensions = ["myst_parser"]\nhtml_theme = "furo"\n'
BOOK_CONFIG = 'title: Course\nexecute:\n  execute_notebooks: "off"\n'
BOOK_CONTENTS = "format: jb-book\nroot: index\n"

#: Replaces the page's style sheets by those of their rules that match something in it, and removes scripts and files.
REDUCE = r"""() => {
  const passing = /::?(before|after|hover|focus|focus-visible|focus-within|active|visited|target|marker|checked)\b/g;
  const matches = (selector) => {
    try { return document.querySelector(selector.replace(passing, "")) !== null; } catch { return true; }
  };
  const kept = (rules) => [...rules].map((rule) => {
    if (rule instanceof CSSStyleRule) return matches(rule.selectorText) ? rule.cssText : "";
    const group = rule.cssRules && rule.conditionText !== "print" && !(rule instanceof CSSKeyframesRule);
    const inner = group && kept(rule.cssRules);
    return inner ? `${rule.cssText.slice(0, rule.cssText.indexOf("{"))}{\n${inner}\n}` : "";
  }).filter(Boolean).join("\n");
  const style = document.createElement("style");
  const text = [...document.styleSheets].map((sheet) => kept(sheet.cssRules)).join("\n");
  style.textContent = text.replace(/url\("(?:[^"\\]|\\.)*"\)|url\([^)]*\)/g, "none");
  const rest = "script, link, style, meta:not([charset]):not([name=viewport]), noscript";
  for (const element of document.querySelectorAll(rest)) element.remove();
  for (const svg of document.querySelectorAll("svg")) svg.replaceChildren();
  document.head.append(style);
  return "<!doctype html>\n" + document.documentElement.outerHTML;
}"""


def build(tools: Path, folder: Path) -> dict[str, Path]:
    """Builds the course with each tool; returns fixture → built page."""
    furo, book = folder / "furo", folder / "book"
    for course in (furo, book):
        course.mkdir()
        (course / "index.md").write_text(COURSE)
    (furo / "conf.py").write_text(CONF)
    (book / "_config.yml").write_text(BOOK_CONFIG)
    (book / "_toc.yml").write_text(BOOK_CONTENTS)
    subprocess.run([tools / "sphinx-build", "-q", furo, furo / "out"], check=True)
    subprocess.run([tools / "jupyter-book", "build", book], check=True)
    return {"furo.html": furo / "out/index.html", "jupyter_book.html": book / "_build/html/index.html"}


def main(tools: Path) -> None:
    """Writes the fixtures."""
    browser_path = os.environ.get("DIFFUSION_LAB_BROWSER") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--allow-file-access-from-files"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        for name, path in build(tools, Path(folder)).items():
            page = browser.new_page()
            page.route(re.compile("^https?:"), lambda route: route.abort())
            page.goto(path.as_uri())
            text = "\n".join(line.rstrip() for line in page.evaluate(REDUCE).splitlines() if line.strip())
            (HERE / name).write_text(text + "\n", "utf-8")
            print(f"{name}: {len(text) / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
