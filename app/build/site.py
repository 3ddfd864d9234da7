"""Builds the site: gather → check → render → write.

All content is checked before any file is written. The new site is written to a temporary folder, which then replaces
the old site by one rename.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.bundles import SiteAssets
from diffusion_lab.app.build.chapter_parser import parse_about, parse_chapter
from diffusion_lab.app.build.chapter_tree import (
    About,
    Cell,
    Chapter,
    ChapterError,
    Compute,
    Document,
    Exercise,
    InstrumentSlot,
    Preset,
    Quiz,
    Reference,
    Value,
    instrument_of,
    link_equations,
)
from diffusion_lab.app.build.node_python import NodePython
from diffusion_lab.app.build.notebook import make_notebook
from diffusion_lab.app.build.oembed import Embedded, oembed_files
from diffusion_lab.app.build.package import make_package
from diffusion_lab.app.build.precompress import Precompressor
from diffusion_lab.app.build.python_packs import make_python_packs
from diffusion_lab.app.build.receipts import reader_data
from diffusion_lab.app.build.rendered import ContentError, RenderedInstrument, RenderedQuiz, with_answer
from diffusion_lab.app.build.security_policy import with_policy
from diffusion_lab.app.build.setup_steps import ROOT, WORK, Say, SetupError, place_and_message
from diffusion_lab.app.build.typeset import typeset
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_names

HERE = Path(__file__).parent
DIST = ROOT / "dist"
DRAFT = WORK / "draft"
CHAPTERS = ROOT / "chapters"
PLANNED_CHAPTERS = 10
PRERENDER = "diffusion_lab.app.build.prerender"

#: The version of the lab, which receipts name.
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

#: A link in a chapter's HTML to a place in the same folder.
CHAPTER_LINK = re.compile(r'href="(?!https?:|data:|mailto:|\.\./)([^"]*)"')

#: The placeholder of a formula in a chapter's HTML.
MARK = re.compile("\ue000[^\ue001]*\ue001")


def build_site(
    numpy_wheel: Path, say: Say, warm: NodePython | None = None, *, base_url: str = "", target: Path = DIST
) -> Path:
    """Builds the whole site in `target` and returns its path. Raises `SetupError` with file and line of the mistake.

    `warm` is a running Pyodide. With it, an author's draft is built in `.build/draft/`: that Pyodide compiles the
    Python, no compressed copies are made, and modules stay in the packs that the last full build put them in.

    `base_url`: the published site's address, which oEmbed needs; without it no oEmbed files are written.
    """
    WORK.mkdir(exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for another build in this checkout to finish
        try:
            return _build(numpy_wheel, say, warm, base_url, DRAFT if warm else target)
        except (ChapterError, ContentError) as error:
            raise SetupError(str(error)) from None


def _build(numpy_wheel: Path, say: Say, warm: NodePython | None, base_url: str, target: Path) -> Path:
    say("reading chapters")
    references = read_references()
    names = instrument_names()
    chapters, abouts = read_documents(references)
    build_cache = BuildCache(WORK / "cache")
    # The slow jobs run in parallel: Node compiles, processes run cells and instruments, files are compressed.
    with (
        Precompressor(build_cache) as precompressor,
        ThreadPoolExecutor(3 + len(chapters) + 2 * len(names)) as pool,
    ):
        runtime = pool.submit(make_python_packs, numpy_wheel, build_cache, say, warm)
        package = pool.submit(make_package, build_cache)
        tokens = pool.submit(build_cache.of, "diffusion_lab.app.instrument.theme:css_variables")
        prerendered = [pool.submit(_prerendered, chapter, build_cache.of) for chapter in chapters]
        filled = [pool.submit(_computed, about, build_cache.of) for about in abouts]
        alone = {name: pool.submit(build_cache.of, f"{PRERENDER}:render_instrument", name, {}) for name in names}
        site = _Site(WORK / "new", (lambda path: None) if warm else precompressor.begin, build_cache, base_url)
        site.assets.lay_out_front_end(tokens.result())
        site.formulas = typeset([*chapters, *abouts], build_cache)
        pages = [page.result() for page in prerendered]
        site.abouts = {about.slug: about.html for _, about in (each.result() for each in filled)}
        embeds = {name: rendered.result() for name, rendered in alone.items()}
        site.assets.lay_out_runtime(runtime.result())
        site.write_package(package.result())
        site.megabytes = site.assets.megabytes()
        say("writing the pages")
        for before, page, after in zip([None, *pages[:-1]], pages, [*pages[1:], None], strict=True):
            notebook = site.write_notebook(page, references)
            site.write_chapter(page, references, before and before.chapter, after and after.chapter, notebook)
        for name, rendered in embeds.items():
            site.write_embed(name, rendered, next((page.chapter for page in pages if name in page.instruments), None))
        for page in pages:
            site.write_embedded_blocks(page)
        site.write_teachers(pages, embeds)
        site.write_receipt_reader(chapters, {name: rendered.title for name, rendered in embeds.items()})
        site.write_index(chapters)
        site.write_oembed()
        site.assets.write_element()
        site.assets.write_file_list()
        if not warm:
            site.assets.write_service_worker()
        precompressor.finish()
    build_cache.forget_old()
    _replace(site.out, target)
    return target


# --- gather and check ------------------------------------------------------------------------------------------------


def chapter_paths() -> list[Path]:
    """Returns the paths of the chapter files, in order."""
    return sorted(CHAPTERS.glob("[0-9][0-9]-*.md"))


def read_documents(references: dict[str, Reference]) -> tuple[list[Chapter], list[About]]:
    """Parses all chapters and all `about.md` files of instruments, and resolves the links between them."""
    paths = {name: INSTRUMENTS / name / "about.md" for name in instrument_names()}
    chapters = [parse_chapter(path.relative_to(ROOT), path.read_text("utf-8"), references) for path in chapter_paths()]
    abouts = [parse_about(path.relative_to(ROOT), path.read_text("utf-8"), name) for name, path in paths.items()]
    return link_equations(chapters, chapters), link_equations(abouts, chapters)


def read_references() -> dict[str, Reference]:
    """Reads `references.toml`: the works that chapters cite, by key."""
    path = CHAPTERS / "references.toml"
    try:
        works = tomllib.loads(path.read_text("utf-8"))
        references = {key: Reference(key=key, **work) for key, work in works.items()}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise SetupError(f"{path.relative_to(ROOT)}: {error}") from None
    first: dict[str, str] = {}
    for key, work in references.items():
        cited = work.cited(in_sentence=True)
        if (other := first.setdefault(cited, key)) != key:
            fix = "Give one of them another name in the text, with `short`."
            raise SetupError(f"{path.relative_to(ROOT)}: `{other}` and `{key}` are both cited as {cited}. {fix}")
    return references


@dataclass
class _Page:
    """A chapter with the results of running its cells, quizzes and instruments."""

    chapter: Chapter
    cells: dict[str, str]
    quizzes: dict[str, RenderedQuiz]
    #: By slot.
    instruments: dict[str, RenderedInstrument]
    #: For the notebook: the code that constructs the instrument of each slot in its state.
    constructions: dict[str, str]


#: Calls a function, named `module:function`, with arguments that JSON can hold.
Call = Callable[..., Any]


def _run(document: Document, compute: Call, function: str, parts: Sequence[Any], *arguments: Any) -> Any:
    """Runs a function of `prerender.py` on parts of a document; adds file and line to a `ContentError`."""
    if not parts:
        return {}
    try:
        return compute(f"{PRERENDER}:{function}", *arguments)
    except ContentError as refused:
        raise document.error(parts[refused.part].line + refused.line - 1, refused.message) from None


def _computed(document: Any, compute: Call) -> tuple[dict[str, str], Any]:
    """Returns the outputs of a document's cells by label, and the document with its values filled in."""
    steps = [step for step in document.steps if not getattr(step, "slot", "")]
    outputs, texts = _run(document, compute, "run_steps", steps, [_as_step(step) for step in steps]) or ({}, [])
    results = dict(zip([step.label for step in steps if isinstance(step, Value)], texts, strict=True))
    places = {slot.name: slot.state for slot in document.of(InstrumentSlot)}
    for slot in dict.fromkeys(step.slot for step in [*document.presets, *document.values] if step.slot):
        steps = [step for step in document.steps if getattr(step, "slot", "") == slot]
        name = instrument_of(slot)
        if name != slot and slot not in places:
            raise document.error(steps[0].line, f"No instrument `{slot}` is in this chapter.")
        texts = _run(
            document, compute, "read_values", steps, name, places.get(slot), [_as_step(step) for step in steps]
        )
        results |= dict(zip([step.label for step in steps if isinstance(step, Value)], texts, strict=True))
    return outputs, document.filled([results[value.label] for value in document.values])


def _as_step(step: Cell | Compute | Value | Preset) -> list[Any]:
    """Converts a step to the form that `run_steps` takes or, with an instrument, that `read_values` takes."""
    match step:
        case Cell():
            return ["cell", step.label, step.code]
        case Compute():
            return ["compute", step.code]
        case Preset():
            return ["preset", step.block, step.state, step.keep]
        case Value() if step.slot:
            return ["value", step.block, step.state, step.expression, step.format]
        case _:
            return ["value", step.expression, step.format]


def _prerendered(chapter: Chapter, compute: Call) -> _Page:
    """Checks and runs all parts of the chapter; returns it with their results."""
    run = partial(_run, chapter, compute)
    quizzes, slots = chapter.of(Quiz), chapter.of(InstrumentSlot)
    for preset in chapter.presets:
        if preset.slot not in {slot.name for slot in slots}:
            raise chapter.error(preset.line, f"No instrument `{preset.slot}` is in this chapter.")
    run("check_states", slots, [[slot.instrument, slot.state] for slot in slots])
    code_blocks = [block for block in chapter.blocks if isinstance(block, Cell | Exercise)]
    if chapter.of(Exercise):
        run("check_exercises", code_blocks, [_as_run(block) for block in code_blocks])
    outputs, chapter = _computed(chapter, compute)
    quizzes, slots = chapter.of(Quiz), chapter.of(InstrumentSlot)  # with their values
    answers = run("answer_quizzes", quizzes, [_as_asked(quiz) for quiz in quizzes])
    return _Page(
        chapter=chapter,
        cells=outputs,
        quizzes={quiz.label: _solved(chapter, quiz, *answers[quiz.label]) for quiz in quizzes},
        instruments={slot.name: run("render_instrument", [slot], slot.instrument, slot.state) for slot in slots},
        constructions={slot.name: run("construct", [slot], slot.instrument, slot.state) for slot in slots},
    )


def _as_run(block: Cell | Exercise) -> list[Any]:
    """Converts a cell or an exercise to the form that `check_exercises` takes."""
    if isinstance(block, Cell):
        return [block.label, block.code]
    return [block.label, block.starter, block.solution, block.checks, block.solution_offset, block.checks_offset]


def _as_asked(quiz: Quiz) -> list[Any]:
    """Converts a quiz to the form that `answer_quizzes` takes."""
    mistakes = [[mistake.value, mistake.line - quiz.line + 1] for mistake in quiz.mistakes]
    return [quiz.label, quiz.answer, quiz.tolerance, mistakes]


def _solved(chapter: Chapter, quiz: Quiz, answer: float, tolerance: float, mistakes: list[float]) -> RenderedQuiz:
    try:
        return RenderedQuiz(answer, tolerance, mistakes, with_answer(quiz.solution.html, answer))
    except ContentError as refused:
        raise chapter.error(quiz.line, refused.message) from None


# --- render and write ------------------------------------------------------------------------------------------------


class _Site:
    """Writes the site below `out`; calls `written` with the path of each file after writing it.

    `formulas`: placeholder → typeset HTML; `abouts`: instrument → its `about.md` as HTML; `megabytes`: approximate size
    of the site; `package`: path of the lab's wheel in the site; `embedded`: the embed pages written so far.
    """

    def __init__(self, out: Path, written: Callable[[Path], None], build_cache: BuildCache, base_url: str = "") -> None:
        self.out, self._written, self._base_url = out, written, base_url
        self.embedded: list[Embedded] = []
        self.formulas: dict[str, str] = {}
        self.abouts: dict[str, str] = {}
        self.megabytes = 0
        self.package = Path()
        get, put = (partial(call, "templates") for call in (build_cache.get, build_cache.put))
        compiled: Any = SimpleNamespace(get=get, set=put)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            bytecode_cache=jinja2.MemcachedBytecodeCache(compiled, ignore_memcache_errors=False),
        )
        self.templates.filters["highlighted"] = _highlighted
        self.templates.filters["kind"] = lambda block: type(block).__name__
        shutil.rmtree(out, ignore_errors=True)
        self.assets = SiteAssets(out, written, build_cache)

    def write_chapter(
        self,
        page: _Page,
        references: dict[str, Reference],
        before: Chapter | None,
        after: Chapter | None,
        notebook_bytes: int,
    ) -> None:
        """Writes a chapter's page, with links to the previous and next chapter and to its notebook."""
        chapter = page.chapter
        self._write(
            f"chapters/{chapter.slug}.html",
            "chapter.html",
            page=page,
            abouts=self.abouts,
            chapter=chapter,
            planned=PLANNED_CHAPTERS,
            before=before,
            after=after,
            references=[references[key] for key in chapter.cited],
            frames=self._frames(page.instruments),
            codes=self._codes(page.instruments),
            documents=self._documents(page.instruments),
            has_instruments=bool(chapter.of(InstrumentSlot)),
            needs_python=bool(chapter.of(InstrumentSlot) or chapter.of(Cell) or chapter.of(Exercise)),
            notebook_kilobytes=round(notebook_bytes / 1000),
            package=self.package.name,
            package_kilobytes=round(self.package.stat().st_size / 1000),
            site_megabytes=self.megabytes,
        )

    def write_package(self, wheel: Path) -> None:
        """Copies the lab's wheel into the folder of the notebooks."""
        self.package = self.out / "chapters" / wheel.name
        self.package.parent.mkdir()
        shutil.copyfile(wheel, self.package)
        self._written(self.package)

    def write_notebook(self, page: _Page, references: dict[str, Reference]) -> int:
        """Writes a chapter as a Jupyter notebook; returns its size in bytes."""
        path = self.out / f"chapters/{page.chapter.slug}.ipynb"
        notebook = make_notebook(page.chapter, references, page.quizzes, page.constructions, self.package.name)
        path.write_text(notebook, "utf-8")
        self._written(path)
        return path.stat().st_size

    def write_embed(self, name: str, rendered: RenderedInstrument, chapter: Chapter | None) -> None:
        """Writes a page with one instrument, for an iframe. The page's query string sets the instrument's state."""
        self._write(
            f"embed/{name}.html",
            "embed.html",
            name=name,
            instrument=rendered,
            frames=self._frames({name: rendered}),
            codes=self._codes({name: rendered}),
            documents=self._documents({name: rendered}),
            chapter=chapter,
            has_instruments=True,
            needs_python=True,
        )
        poster = self.out / f"embed/{name}.svg"
        poster.write_text(rendered.poster, "utf-8")
        self._written(poster)
        self.embedded.append(Embedded(f"embed/{name}", rendered.title, rendered.poster))

    def write_embedded_blocks(self, page: _Page) -> None:
        """Writes a page for each quiz, cell and exercise of a chapter, for an iframe."""
        before: list[str] = []
        for block in page.chapter.blocks:
            if not isinstance(block, Quiz | Cell | Exercise):
                continue
            path = block_path(page.chapter, block)
            html = self.templates.get_template(f"blocks/{type(block).__name__.lower()}.html").render(
                block=block, page=page
            )
            html = CHAPTER_LINK.sub(partial(_from_embed, slug=page.chapter.slug), html)
            self._write(
                f"embed/{path}.html",
                "embed_block.html",
                name=path,
                title=getattr(block, "title", "Question"),
                html=html,
                above="" if isinstance(block, Quiz) else "".join(before),
                anchor=f"{type(block).__name__.lower()}-{block.label}",
                task=not isinstance(block, Cell),
                slug=page.chapter.slug,
                chapter=page.chapter,
                has_instruments=False,
                needs_python=False,
            )
            title = getattr(block, "title", "Question")
            self.embedded.append(Embedded(f"embed/{path}", f"{title} · {page.chapter.title}"))
            if isinstance(block, Cell):
                before.append(html)

    def write_oembed(self) -> None:
        """Writes the oEmbed file of each embed page, if the site's address is known."""
        for path, text in (oembed_files(self._base_url, self.embedded) if self._base_url else {}).items():
            (self.out / path).write_text(text, "utf-8")
            self._written(self.out / path)

    def write_teachers(self, pages: Sequence[_Page], embeds: dict[str, RenderedInstrument]) -> None:
        """Writes the page for teachers: how to embed, with every setting of every instrument."""
        blocks = [
            (page.chapter, [(block_path(page.chapter, b), b) for b in page.chapter.blocks if isinstance(b, kinds)])
            for kinds in (Quiz, Cell | Exercise)
            for page in pages
        ]
        self._write(
            "teachers.html",
            "teachers.html",
            example=next(name for page in pages for name in page.instruments),
            titles={name: rendered.title for name, rendered in embeds.items()},
            settings={name: json.loads(rendered.settings) for name, rendered in embeds.items()},
            quizzes=blocks[: len(pages)],
            cells=blocks[len(pages) :],
            megabytes=self.megabytes,
            has_instruments=False,
            needs_python=False,
        )

    def write_receipt_reader(self, chapters: Sequence[Chapter], titles: dict[str, str]) -> None:
        """Writes the page that reads receipts; `titles`: instrument → title."""
        lab = reader_data(VERSION, chapters, titles)
        self._write("receipts.html", "receipts.html", lab=lab, has_instruments=False, needs_python=False)

    def _frames(self, instruments: dict[str, RenderedInstrument]) -> dict[str, tuple[str, str]]:
        """Writes the still frames of instruments; returns slot → (address, setting that the frames vary)."""
        return {
            name: (self.assets.add_data(f"{name}-frames.json", rendered.frames.encode()), rendered.frames_param)
            for name, rendered in instruments.items()
            if rendered.frames
        }

    def _codes(self, instruments: dict[str, RenderedInstrument]) -> dict[str, str]:
        """Writes the functions of instruments that readers may edit; returns slot → address."""
        return {
            slot: self.assets.add_data(f"{instrument_of(slot)}-code.json", rendered.code.encode())
            for slot, rendered in instruments.items()
        }

    def _documents(self, instruments: dict[str, RenderedInstrument]) -> dict[str, str]:
        """Writes the Bokeh documents of instruments; returns slot → address."""
        return {
            name: self.assets.add_data(f"{name}-document.json", rendered.document.encode())
            for name, rendered in instruments.items()
        }

    def write_index(self, chapters: list[Chapter]) -> None:
        """Writes the front page."""
        self._write("index.html", "index.html", chapters=chapters, has_instruments=False, needs_python=False)

    def _write(self, path: str, template: str, **values: Any) -> None:
        root = "../" * path.count("/")
        try:
            text = self.templates.get_template(template).render(
                root=root, urls=self.assets.urls, version=VERSION, base_url=self._base_url, **values
            )
        except jinja2.TemplateError as error:
            raise SetupError(place_and_message(error)) from None
        text = MARK.sub(lambda mark: self.formulas[mark[0]], text)
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_text(with_policy(text), "utf-8")
        self._written(self.out / path)


def block_path(chapter: Chapter, block: Quiz | Cell | Exercise) -> str:
    """Returns the address of a part's own page below `embed/`, without `.html`: `quiz/forward-noised-value`."""
    return f"{'quiz' if isinstance(block, Quiz) else 'cell'}/{chapter.name}-{block.label}"


def _from_embed(link: re.Match[str], slug: str) -> str:
    """A chapter's link as a page two folders away writes it."""
    target = link[1] if not link[1].startswith("#") else f"{slug}.html{link[1]}"
    return f'href="../../chapters/{target}"'


@cache
def _highlighted(code: str) -> Markup:
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n"))


def _replace(new: Path, old: Path) -> None:
    """Replaces the folder `old` by `new` with renames, so that no one ever sees a partly written site."""
    discarded = WORK / "discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)
