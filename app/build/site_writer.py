"""Writes the pages of the site from its chapters, their results and the instruments."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from html import escape
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
from diffusion_lab.app.build.chapter_results import Page
from diffusion_lab.app.build.chapter_tree import (
    DEPTHS,
    Cell,
    Chapter,
    Compute,
    Exercise,
    InstrumentSlot,
    Overview,
    Quiz,
    Reference,
    instrument_of,
)
from diffusion_lab.app.build.front_page import Stop, chapter_map
from diffusion_lab.app.build.glossary import Term, notation, term_documents
from diffusion_lab.app.build.licences import sbom, shipped_parts
from diffusion_lab.app.build.notebook import make_notebook
from diffusion_lab.app.build.numbers import listed_numbers
from diffusion_lab.app.build.oembed import Embedded, iframe_codes, oembed_files
from diffusion_lab.app.build.plain_text import MARK, formula_text, plain
from diffusion_lab.app.build.receipts import reader_data
from diffusion_lab.app.build.rendered import RenderedInstrument
from diffusion_lab.app.build.search_documents import chapter_documents, overview_documents, search_json
from diffusion_lab.app.build.security_policy import with_policy
from diffusion_lab.app.build.setup_steps import ROOT, SetupError, place_and_message
from diffusion_lab.app.build.stored_index import ALONE, Stored, index_script
from diffusion_lab.app.instrument.vocabulary import GLOSSARY

HERE = Path(__file__).parent
PLANNED_CHAPTERS = 10

#: The version of the lab, which receipts name.
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

#: A link in a chapter's HTML to a place in the same folder.
CHAPTER_LINK = re.compile(r'href="(?!https?:|data:|mailto:|\.\./)([^"]*)"')

#: A link whose only text is a formula.
FORMULA_ALONE = re.compile(f'(<a class="preset"[^>]*)>({MARK.pattern})</a>')


class SiteWriter:
    """Writes the site below `out`; calls `written` with the path of each file after writing it.

    `formulas`: placeholder → typeset HTML; `abouts`: instrument → its `about.md` as HTML; `megabytes`: approximate size
    of the site; `package`: path of the lab's wheel in the site; `embedded`: the embed pages written so far.
    """

    def __init__(self, out: Path, written: Callable[[Path], None], build_cache: BuildCache, base_url: str = "") -> None:
        self.out, self._written, self._base_url = out, written, base_url
        self.embedded: list[Embedded] = []
        self._indexes: dict[tuple[str, str], str] = {}
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
        page: Page,
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
            depths=DEPTHS,
            minutes=chapter.minutes_at(),
            planned=PLANNED_CHAPTERS,
            before=before,
            after=after,
            references=[references[key] for key in chapter.cited],
            frames=self._frames(page.instruments),
            codes=self._codes(page.instruments),
            documents=self._documents(page.instruments),
            states={slot: self._index(slot, f"{chapter.slug} {slot}") for slot in page.instruments},
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

    def write_notebook(self, page: Page, references: dict[str, Reference]) -> int:
        """Writes a chapter as a Jupyter notebook; returns its size in bytes."""
        path = self.out / f"chapters/{page.chapter.slug}.ipynb"
        notebook = make_notebook(
            page.chapter, references, page.quizzes, page.constructions, page.diagrams, self.package.name
        )
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
            states={name: self._index(name, ALONE)},
            chapter=chapter,
            has_instruments=True,
            needs_python=True,
        )
        poster = self.out / f"embed/{name}.svg"
        poster.write_text(rendered.poster, "utf-8")
        self._written(poster)
        self.embedded.append(Embedded(f"embed/{name}", rendered.title, rendered.poster))

    def write_embedded_blocks(self, page: Page) -> None:
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

    def write_teachers(self, pages: Sequence[Page], embeds: dict[str, RenderedInstrument]) -> None:
        """Writes the page for teachers: how to embed, with every setting of every instrument."""
        blocks = [
            (page.chapter, [(block_path(page.chapter, b), b) for b in page.chapter.blocks if isinstance(b, kinds)])
            for kinds in (Quiz, Cell | Exercise)
            for page in pages
        ]
        example = next(name for page in pages for name in page.instruments)
        embedded = next(each for each in self.embedded if each.path == f"embed/{example}")
        self._write(
            "teachers.html",
            "teachers.html",
            example=example,
            code=iframe_codes(self._base_url or "https://YOUR-HOST/", [embedded])[0]["code"],
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

    def _plain(self, html: str) -> str:
        return plain(html, self.formulas)

    def write_search(self, pages: Sequence[Page], overview: Overview, terms: Sequence[Term]) -> None:
        """Writes what the search looks through: the chapters, the texts about them, and the glossary.

        Pages that are written later name it.
        """
        found = [each for page in pages for each in chapter_documents(page, self.abouts, self._plain)]
        found += [*overview_documents(overview, self._plain), *term_documents(terms, self._plain)]
        self.assets.urls["search"] = self.assets.add_data("search.json", search_json(found))

    def write_glossary(self, terms: Sequence[Term], chapters: Sequence[Chapter]) -> None:
        """Writes the page of terms, symbols and settings."""
        self._write("glossary.html", "glossary.html", terms=terms, symbols=notation(chapters), settings=GLOSSARY,
                    has_instruments=False, needs_python=False)  # fmt: skip

    def write_overview(self, overview: Overview, references: dict[str, Reference]) -> None:
        """Writes the page of a text about all chapters, with the code of its numbers and the works cited."""
        blocks = [
            self.templates.get_template(f"blocks/{type(block).__name__.lower()}.html").render(block=block)
            for block in overview.blocks
        ]
        self._write(
            f"{overview.slug}.html",
            "overview.html",
            overview=overview,
            html=CHAPTER_LINK.sub(_from_root, "\n".join(blocks)),
            code=[step.code for step in overview.steps if isinstance(step, Compute)],
            references=[references[key] for key in overview.cited],
            has_instruments=False,
            needs_python=False,
        )

    def write_numbers(self, pages: Sequence[Page], overview: Overview, titles: Mapping[str, str]) -> None:
        """Writes the page that lists all computed numbers; `titles`: instrument → its title."""
        slots = [{slot: rendered.title for slot, rendered in page.instruments.items()} for page in pages]
        texts = [listed_numbers(page.chapter, names, self._plain) for page, names in zip(pages, slots, strict=True)]
        texts.append(listed_numbers(overview, titles, self._plain))
        self._write("numbers.html", "numbers.html", texts=[text for text in texts if text.count],
                    count=sum(text.count for text in texts),
                    has_instruments=False, needs_python=False)  # fmt: skip

    def write_licences(self, numpy_wheel: Path) -> None:
        """Writes the page of licences, and the software bill of materials. All bundles must have been made."""
        parts = shipped_parts(self.assets.bundled, numpy_wheel)
        self._write("licences.html", "licences.html", parts=parts, own=(ROOT / "LICENSE").read_text("utf-8"),
                    has_instruments=False, needs_python=False)  # fmt: skip
        (self.out / "sbom.json").write_text(sbom(parts, VERSION), "utf-8")
        self._written(self.out / "sbom.json")

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

    def write_stored(self, stored: dict[str, Stored]) -> None:
        """Writes the stored states of instruments, and the indexes of their places."""
        for name, states in stored.items():
            files = [self.assets.add_data(f"{name}-state.js", picture.encode()) for picture in states.pictures]
            for place, index in states.indexes.items():
                text = index_script(index, files)
                self._indexes[name, place] = self.assets.add_data(f"{name}-states.js", text.encode())

    def _index(self, slot: str, place: str) -> str:
        """Returns the address of a place's index of stored states, "" in a draft, which has none."""
        return self._indexes.get((instrument_of(slot), place), "")

    def write_index(
        self, chapters: list[Chapter], instruments: dict[str, RenderedInstrument], stops: Sequence[Stop]
    ) -> None:
        """Writes the front page, with the first instrument of the first chapter; `stops`: the idea in half an hour."""
        places: dict[str, Chapter] = {}  # the first chapter with each instrument
        for chapter in chapters:
            for slot in chapter.of(InstrumentSlot):
                places.setdefault(slot.instrument, chapter)
        name = next(iter(places))
        first = {name: instruments[name]}
        self._write(
            "index.html",
            "index.html",
            chapters=chapters,
            map=chapter_map(chapters),
            name=name,
            instrument=instruments[name],
            gallery=[(each, instruments[each], chapter) for each, chapter in places.items()],
            stops=stops,
            codes=self._codes(first),
            frames=self._frames(first),
            documents=self._documents(first),
            states={name: self._index(name, ALONE)},
            has_instruments=True,
            needs_python=True,
        )

    def _spoken(self, mark: str) -> str:
        """A formula as an attribute's characters: not every screen reader reads MathML as the name of a link."""
        return escape(formula_text(self.formulas[mark]))

    def _write(self, path: str, template: str, **values: Any) -> None:
        root = "../" * path.count("/")
        try:
            text = self.templates.get_template(template).render(
                root=root, urls=self.assets.urls, version=VERSION, base_url=self._base_url, **values
            )
        except jinja2.TemplateError as error:
            raise SetupError(place_and_message(error)) from None
        text = FORMULA_ALONE.sub(lambda link: f'{link[1]} aria-label="{self._spoken(link[2])}">{link[2]}</a>', text)
        text = MARK.sub(lambda mark: self.formulas[mark[0]], text)
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_text(with_policy(text), "utf-8")
        self._written(self.out / path)


def block_path(chapter: Chapter, block: Quiz | Cell | Exercise) -> str:
    """Returns the address of a part's own page below `embed/`, without `.html`: `quiz/forward-noised-value`."""
    return f"{'quiz' if isinstance(block, Quiz) else 'cell'}/{chapter.name}-{block.label}"


def _from_root(link: re.Match[str]) -> str:
    """A link to a place of the chapters' folder as a page above that folder writes it; places of the page stay."""
    return link[0] if link[1].startswith("#") else f'href="chapters/{link[1]}"'


def _from_embed(link: re.Match[str], slug: str) -> str:
    """A chapter's link as a page two folders away writes it."""
    target = link[1] if not link[1].startswith("#") else f"{slug}.html{link[1]}"
    return f'href="../../chapters/{target}"'


@cache
def _highlighted(code: str) -> Markup:
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n"))
