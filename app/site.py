"""Builds the site: gather → check → render → write. Everything is checked before anything is written, and what is
written replaces the old site in one move."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from diffusion_lab.app import prerender
from diffusion_lab.app.chapter import Cell, Chapter, InstrumentSlot, Quiz, Reference, parse_chapter
from diffusion_lab.app.discovery import INSTRUMENTS, instrument_names
from diffusion_lab.app.environment import NODE_MODULES, ROOT, WORK, Say, SetupError
from diffusion_lab.app.runtime_assets import RuntimeAssets, make_runtime_assets
from diffusion_lab.app.theme import css_variables

HERE = Path(__file__).parent
DIST = ROOT / "dist"
CHAPTERS = ROOT / "chapters"
PLANNED_CHAPTERS = 10

#: Style sheets of every page, in order; the tokens of `theme.py` come first.
STYLES = ("fonts.css", "page.css", "front_panel.css")

#: The oldest browsers with all that the pages need (sub-grids, `:has`, WebAssembly SIMD and exceptions).
BROWSERS = "--target=chrome117,firefox121,safari16.4"

#: What is worth compressing ahead, so that any server may send it as it lies.
COMPRESSED = {".html", ".js", ".mjs", ".css", ".json", ".wasm", ".pack", ".zip", ".svg"}


def build_site(numpy_wheel: Path, say: Say) -> Path:
    """The whole site in `dist/`; returns its path. Raises `SetupError` with file and line of what is wrong."""
    from diffusion_lab.app.chapter import ChapterError

    try:
        say("reading chapters")
        references = _references()
        chapters = [
            parse_chapter(path.relative_to(ROOT), path.read_text("utf-8"), references) for path in _chapter_paths()
        ]
        say("running cells and instruments")
        pages = [_prerendered(chapter) for chapter in chapters]
        formulas = _typeset(chapters)
    except ChapterError as error:
        raise SetupError(str(error)) from None
    assets = make_runtime_assets(numpy_wheel, WORK, say)
    say("writing dist/")
    site = _Site(WORK / "dist", formulas)
    site.lay_out(assets, _views(chapters))
    for before, page, after in zip([None, *pages[:-1]], pages, [*pages[1:], None], strict=True):
        site.write_chapter(page, references, before and before.chapter, after and after.chapter)
    for name in instrument_names():
        site.write_embed(name, next((page.chapter for page in pages if name in page.instruments), None))
    site.write_index([page.chapter for page in pages])
    site.compress()
    _replace(WORK / "dist", DIST)
    return DIST


# --- gather and check ------------------------------------------------------------------------------------------------


def _chapter_paths() -> list[Path]:
    return sorted(CHAPTERS.glob("[0-9][0-9]-*.md"))


def _references() -> dict[str, Reference]:
    path = CHAPTERS / "references.toml"
    try:
        works = tomllib.loads(path.read_text("utf-8"))
        return {key: Reference(key=key, **work) for key, work in works.items()}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise SetupError(f"{path.relative_to(ROOT)}: {error}") from None


@dataclass
class _Page:
    """A chapter with all that running it gave."""

    chapter: Chapter
    cells: dict[str, str]
    quizzes: dict[str, prerender.RenderedQuiz]
    instruments: dict[str, prerender.RenderedInstrument]
    abouts: dict[str, str] = field(default_factory=dict)


def _prerendered(chapter: Chapter) -> _Page:
    for preset in chapter.presets:
        prerender.check_preset(chapter, preset)
    names = [slot.name for slot in chapter.of(InstrumentSlot)]
    return _Page(
        chapter=chapter,
        cells=prerender.run_cells(chapter),
        quizzes={quiz.label: prerender.answer_quiz(chapter, quiz) for quiz in chapter.of(Quiz)},
        instruments={slot.name: prerender.render_instrument(chapter, slot) for slot in chapter.of(InstrumentSlot)},
        abouts={name: _about(name) for name in names},
    )


def _about(name: str) -> str:
    """`about.md` of an instrument as HTML, its headings below those of a section."""
    path = INSTRUMENTS / name / "about.md"
    md = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    md.use(dollarmath_plugin, double_inline=False)
    formulas: list[str] = []

    def mark(_self: object, tokens: list[Token], index: int, *_: object) -> str:
        formulas.append(tokens[index].content)
        return f"\ue000{len(formulas) - 1}\ue001"

    md.add_render_rule("math_inline", mark)
    html = str(md.render(path.read_text("utf-8")))
    for level in (3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    for k, result in enumerate(_katex([(tex, False) for tex in formulas])):
        if "error" in result:
            raise SetupError(f"{path.relative_to(ROOT)}: {result['error']} in ${formulas[k]}$")
        html = html.replace(f"\ue000{k}\ue001", result["html"])
    return html


def _typeset(chapters: list[Chapter]) -> dict[str, str]:
    """Mark → HTML with MathML, for every formula of the chapters, by KaTeX in one go."""
    formulas = [(chapter, formula) for chapter in chapters for formula in chapter.formulas]
    results = _katex([(formula.tex, formula.display) for _, formula in formulas])
    for (chapter, formula), result in zip(formulas, results, strict=True):
        if "error" in result:
            raise chapter.error(formula.line, f"{result['error']} in ${formula.tex}$")
    return {formula.mark: result["html"] for (_, formula), result in zip(formulas, results, strict=True)}


def _katex(formulas: list[tuple[str, bool]]) -> list[dict[str, str]]:
    """For each (LaTeX, whether displayed): `html`, or `error`."""
    if not formulas:
        return []
    wanted = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    command = ["node", str(HERE / "node/katex_render.mjs"), str(NODE_MODULES.parent)]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"KaTeX could not be run:\n{done.stderr}")
    return list(json.loads(done.stdout))


def _views(chapters: list[Chapter]) -> list[dict[str, Any]]:
    """Each instrument with the settings of each of its places: in chapters, and alone on its page."""
    alone: list[tuple[str, dict[str, str]]] = [(name, {}) for name in instrument_names()]
    slots = [(slot.name, slot.state) for chapter in chapters for slot in chapter.of(InstrumentSlot)]
    views: list[dict[str, Any]] = []
    for name, state in [*slots, *alone]:
        if (view := {"name": name, "state": state}) not in views:
            views.append(view)
    return views


# --- render and write ------------------------------------------------------------------------------------------------


class _Site:
    """The site being written, below `out`."""

    def __init__(self, out: Path, formulas: dict[str, str]) -> None:
        self.out = out
        self.formulas = formulas
        self.urls: dict[str, Any] = {}
        loader = jinja2.FileSystemLoader(HERE / "templates")
        self.templates = jinja2.Environment(
            loader=loader,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self.templates.filters["highlighted"] = _highlighted
        self.templates.filters["kind"] = lambda block: type(block).__name__
        shutil.rmtree(out, ignore_errors=True)
        (out / "assets").mkdir(parents=True)

    # --- assets ------------------------------------------------------------------------------------------------------

    def lay_out(self, assets: RuntimeAssets, views: list[dict[str, Any]]) -> None:
        """All that pages load, with hashed names; their addresses, relative to the site's root, go to `self.urls`.

        `views` are made ahead in a reader's memory snapshot.
        """
        pyodide = self._folder("pyodide", assets.pyodide)
        panel = self._panel_folder(assets.panel_files)
        packs = {name: self._hashed(path) for name, path in assets.packs.items()}
        relative: dict[str, Any] = {
            name: path.removeprefix("assets/")
            for name, path in {**packs, "pyodide": pyodide, "panelRoot": panel}.items()
        }
        relative |= {"lock": assets.lock, "views": views}
        relative["libraries"] = [
            [inside, self._hashed(path, _library_name(inside)).removeprefix("assets/")]
            for inside, path in assets.libraries.items()
        ]
        self.urls["scripts"] = [self._hashed(path) for path in assets.scripts]
        bundles = WORK / "bundles"
        _bundle(bundles, relative)
        for path in sorted(bundles.glob("chunk-*.js")):
            shutil.copyfile(path, self.out / "assets" / path.name)
        self.urls["worker"] = self._hashed(bundles / "worker.js")
        self.urls["main"] = self._hashed(bundles / "main.js")
        self.urls["style"] = self._style_sheet()

    def _hashed(self, path: Path, name: str | None = None) -> str:
        return self._hashed_data(name or path.name, path.read_bytes())

    def _hashed_data(self, name: str, data: bytes) -> str:
        stem, dot, ending = name.partition(".")
        target = f"assets/{stem}.{hashlib.sha256(data).hexdigest()[:10]}{dot}{ending}"
        (self.out / target).write_bytes(data)
        return target

    def _folder(self, name: str, files: list[Path]) -> str:
        """A folder with a hashed name, for files that find one another by their own names."""
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:10]
        target = f"assets/{name}-{digest}/"
        (self.out / target).mkdir()
        for path in files:
            shutil.copyfile(path, self.out / target / path.name)
        return target

    def _panel_folder(self, files: dict[str, Path]) -> str:
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files.values())).hexdigest()[:10]
        target = f"assets/panel-{digest}/"
        for inside, path in files.items():
            (self.out / target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.out / target / inside)
        return target

    def _style_sheet(self) -> str:
        """One style sheet: tokens, pages, front panels, KaTeX; fonts beside it."""
        source = WORK / "style.css"
        parts = [f'@import "{ROOT / "static/css" / name}";' for name in STYLES]
        source.write_text(
            "\n".join([f'@import "{NODE_MODULES / "katex/dist/katex.min.css"}";', *parts]) + "\n" + css_variables()
        )
        built = WORK / "styles"
        shutil.rmtree(built, ignore_errors=True)
        fonts = ["--loader:.woff2=file", "--loader:.woff=empty", "--loader:.ttf=empty", "--asset-names=[name]-[hash]"]
        _esbuild([str(source), f"--outdir={built}", "--bundle", "--minify", BROWSERS, *fonts])
        for font in built.glob("*.woff2"):
            shutil.copyfile(font, self.out / "assets" / font.name)
        self.urls["fonts"] = [
            f"assets/{font.name}"
            for font in sorted(built.glob("*.woff2"))
            if font.name.startswith(("inter-latin-wght", "source-serif-4-latin-opsz-normal"))
        ]
        return self._hashed(built / "style.css")

    # --- pages -------------------------------------------------------------------------------------------------------

    def write_chapter(
        self, page: _Page, references: dict[str, Reference], before: Chapter | None, after: Chapter | None
    ) -> None:
        """A chapter's page, with links to those before and after it."""
        chapter = page.chapter
        self._write(
            f"chapters/{chapter.slug}.html",
            "chapter.html",
            page=page,
            chapter=chapter,
            planned=PLANNED_CHAPTERS,
            before=before,
            after=after,
            references=[references[key] for key in chapter.cited],
            frames=self._frames(page.instruments),
            needs_python=bool(chapter.of(InstrumentSlot) or chapter.of(Cell)),
        )

    def write_embed(self, name: str, chapter: Chapter | None) -> None:
        """An instrument alone on a page, for an iframe: its state comes from the query."""
        rendered = prerender.render_default(name)
        self._write(
            f"embed/{name}.html",
            "embed.html",
            name=name,
            instrument=rendered,
            frames=self._frames({name: rendered}),
            chapter=chapter,
            needs_python=True,
        )

    def _frames(self, instruments: dict[str, prerender.RenderedInstrument]) -> dict[str, tuple[str, str]]:
        """Writes the frames of instruments; name → address and the Param they are of, for those that have any."""
        return {
            name: (self._hashed_data(f"{name}-frames.json", rendered.frames.encode()), rendered.frames_param)
            for name, rendered in instruments.items()
            if rendered.frames
        }

    def write_index(self, chapters: list[Chapter]) -> None:
        """The front page."""
        self._write("index.html", "index.html", chapters=chapters, needs_python=False)

    def _write(self, path: str, template: str, **values: Any) -> None:
        root = "../" * path.count("/")
        text = self.templates.get_template(template).render(root=root, urls=self.urls, **values)
        for mark, html in self.formulas.items():
            text = text.replace(mark, html)
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_text(text, "utf-8")

    def compress(self) -> None:
        """Brotli twins beside the files, from a cache of what was compressed before."""
        cache = WORK / "compressed"
        cache.mkdir(exist_ok=True)
        files = [path for path in sorted(self.out.rglob("*")) if path.is_file() and path.suffix in COMPRESSED]
        with ThreadPoolExecutor() as pool:  # Brotli lets other threads run
            twins = pool.map(lambda path: _compressed(path.read_bytes(), cache), files)
            for path, twin in zip(files, twins, strict=True):
                shutil.copyfile(twin, path.with_name(path.name + ".br"))


def _compressed(data: bytes, cache: Path) -> Path:
    """Where the best that Brotli can make of `data` is kept (half a minute for Pyodide's core, once)."""
    twin = cache / (hashlib.sha256(data).hexdigest() + ".11.br")
    if not twin.exists():
        part = twin.with_suffix(f".{threading.get_ident()}.part")
        part.write_bytes(brotli.compress(data, quality=11, lgwin=24))
        part.replace(twin)
    return twin


def _highlighted(code: str) -> Markup:
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n"))


def _library_name(inside: str) -> str:
    """A file name for a compiled module, by which servers know that it is WebAssembly."""
    return "-".join([*Path(inside).parts[1:-1], Path(inside).name.partition(".")[0]]) + ".wasm"


def _bundle(out: Path, assets: dict[str, Any]) -> None:
    """The page's scripts (with the editor as a chunk of its own) and the worker."""
    shutil.rmtree(out, ignore_errors=True)
    js = ROOT / "static/js"
    common = [
        "--bundle",
        "--minify",
        "--format=esm",
        BROWSERS,
        f"--outdir={out}",
        "--legal-comments=none",
    ]
    _esbuild([str(js / "main.js"), *common, "--splitting", "--chunk-names=chunk-[name]-[hash]"])
    node_only = [f"--external:{name}" for name in ("node:*", "ws")]  # Pyodide's loader also runs under Node
    _esbuild([str(js / "worker.js"), *common, *node_only, f"--banner:js=globalThis.LAB_ASSETS={json.dumps(assets)};"])


def _esbuild(arguments: list[str]) -> None:
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(
        [str(NODE_MODULES / ".bin/esbuild"), *arguments, "--log-level=warning"],
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode or done.stderr:
        raise SetupError(f"esbuild:\n{done.stderr}")


def _replace(new: Path, old: Path) -> None:
    """`new` takes the place of `old`; at no time is there half a site."""
    discarded = WORK / "discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)
