"""Builds the site: gather → check → render → write. Everything is checked before anything is written, and what is
written replaces the old site in one move."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from diffusion_lab.app import prerender
from diffusion_lab.app.chapter import Cell, Chapter, ChapterError, InstrumentSlot, Quiz, Reference, parse_chapter
from diffusion_lab.app.discovery import instrument_names
from diffusion_lab.app.environment import ROOT, WORK, Say, SetupError
from diffusion_lab.app.runtime_assets import make_runtime_assets
from diffusion_lab.app.site_assets import SiteAssets
from diffusion_lab.app.twins import compress
from diffusion_lab.app.typeset import about, typeset

HERE = Path(__file__).parent
DIST = ROOT / "dist"
CHAPTERS = ROOT / "chapters"
PLANNED_CHAPTERS = 10


def build_site(numpy_wheel: Path, say: Say) -> Path:
    """The whole site in `dist/`; returns its path. Raises `SetupError` with file and line of what is wrong."""
    try:
        say("reading chapters")
        references = _references()
        chapters = [
            parse_chapter(path.relative_to(ROOT), path.read_text("utf-8"), references) for path in _chapter_paths()
        ]
        say("running cells and instruments")
        pages = [_prerendered(chapter) for chapter in chapters]
        formulas = typeset(chapters)
    except ChapterError as error:
        raise SetupError(str(error)) from None
    assets = make_runtime_assets(numpy_wheel, WORK, say)
    say("writing dist/")
    site = _Site(WORK / "dist", formulas)
    site.assets.lay_out(assets, _views(chapters))
    for before, page, after in zip([None, *pages[:-1]], pages, [*pages[1:], None], strict=True):
        site.write_chapter(page, references, before and before.chapter, after and after.chapter)
    for name in instrument_names():
        site.write_embed(name, next((page.chapter for page in pages if name in page.instruments), None))
    site.write_index([page.chapter for page in pages])
    site.assets.write_service_worker()
    compress(site.out)
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
        abouts={name: about(name) for name in names},
    )


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
        self.assets = SiteAssets(out)

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
            has_instruments=bool(chapter.of(InstrumentSlot)),
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
            has_instruments=True,
            needs_python=True,
        )

    def _frames(self, instruments: dict[str, prerender.RenderedInstrument]) -> dict[str, tuple[str, str]]:
        """Writes the frames of instruments; name → address and the Param they are of, for those that have any."""
        return {
            name: (self.assets.add_data(f"{name}-frames.json", rendered.frames.encode()), rendered.frames_param)
            for name, rendered in instruments.items()
            if rendered.frames
        }

    def write_index(self, chapters: list[Chapter]) -> None:
        """The front page."""
        self._write("index.html", "index.html", chapters=chapters, has_instruments=False, needs_python=False)

    def _write(self, path: str, template: str, **values: Any) -> None:
        root = "../" * path.count("/")
        text = self.templates.get_template(template).render(root=root, urls=self.assets.urls, **values)
        for mark, html in self.formulas.items():
            text = text.replace(mark, html)
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_text(text, "utf-8")


def _highlighted(code: str) -> Markup:
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n"))


def _replace(new: Path, old: Path) -> None:
    """`new` takes the place of `old`; at no time is there half a site."""
    discarded = WORK / "discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)
