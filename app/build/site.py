"""Builds the site: gather → check → render → write.

All content is checked before any file is written. The new site is written to a temporary folder, which then replaces
the old site by one rename.
"""

from __future__ import annotations

import fcntl
import shutil
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.chapter_parser import parse_about, parse_chapter, parse_overview
from diffusion_lab.app.build.chapter_results import PRERENDER, run_chapter, run_document
from diffusion_lab.app.build.chapter_tree import (
    About,
    Chapter,
    ChapterError,
    Overview,
    Reference,
    link_equations,
)
from diffusion_lab.app.build.front_page import read_path
from diffusion_lab.app.build.glossary import read_terms
from diffusion_lab.app.build.node_python import NodePython
from diffusion_lab.app.build.package import make_package
from diffusion_lab.app.build.precompress import Precompressor
from diffusion_lab.app.build.python_packs import make_python_packs
from diffusion_lab.app.build.rendered import ContentError
from diffusion_lab.app.build.setup_steps import ROOT, WORK, Say, SetupError
from diffusion_lab.app.build.site_writer import SiteWriter
from diffusion_lab.app.build.stored_index import Stored, store_states
from diffusion_lab.app.build.typeset import typeset
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_names

DIST = ROOT / "dist"
DRAFT = WORK / "draft"
CHAPTERS = ROOT / "chapters"
DISAGREEMENTS = CHAPTERS / "disagreements.md"
GLOSSARY = CHAPTERS / "glossary.toml"
PATH = CHAPTERS / "half_hour.toml"


def build_site(
    numpy_wheel: Path, say: Say, warm: NodePython | None = None, *, base_url: str = "", target: Path = DIST
) -> Path:
    """Builds the whole site in `target` and returns its path. Raises `SetupError` with file and line of the mistake.

    `warm` is a running Pyodide. With it, an author's draft is built in `.build/draft/`: that Pyodide compiles the
    Python, no compressed copies are made, no states are stored, and modules stay in the packs that the last full build
    put them in.

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
    disagreements = read_disagreements(references, chapters)
    build_cache = BuildCache(WORK / "cache")
    # The slow jobs run in parallel: Node compiles, processes run cells and instruments, files are compressed.
    with (
        Precompressor(build_cache) as precompressor,
        ThreadPoolExecutor(3 + len(chapters) + 3 * len(names)) as pool,
    ):
        runtime = pool.submit(make_python_packs, numpy_wheel, build_cache, say, warm)
        package = pool.submit(make_package, build_cache)
        tokens = pool.submit(build_cache.of, "diffusion_lab.app.instrument.theme:css_variables")
        prerendered = [pool.submit(run_chapter, chapter, build_cache.of) for chapter in chapters]
        filled = [pool.submit(run_document, about, build_cache.of) for about in abouts]
        compared = pool.submit(run_document, disagreements, build_cache.of)
        alone = {name: pool.submit(build_cache.of, f"{PRERENDER}:render_instrument", name, {}) for name in names}

        def states_of(name: str) -> Stored:
            for page in prerendered:
                page.result()  # which has checked the presets, and says where a wrong one is
            return store_states(name, chapters, build_cache.of, build_cache.each)

        stored = {name: pool.submit(states_of, name) for name in names if not warm}
        site = SiteWriter(WORK / "new", (lambda path: None) if warm else precompressor.begin, build_cache, base_url)
        site.assets.lay_out_front_end(tokens.result())
        site.formulas = typeset([*chapters, *abouts, disagreements], build_cache)
        pages = [page.result() for page in prerendered]
        site.abouts = {about.slug: about.html for _, about in (each.result() for each in filled)}
        embeds = {name: rendered.result() for name, rendered in alone.items()}
        site.write_stored({name: states.result() for name, states in stored.items()})
        site.assets.lay_out_runtime(runtime.result())
        site.write_package(package.result())
        site.megabytes = site.assets.megabytes()
        terms, definitions = read_terms(GLOSSARY.relative_to(ROOT), chapters)
        site.formulas |= typeset([definitions], build_cache)
        _, overview = compared.result()
        site.write_search(pages, overview, terms)
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
        site.write_glossary(terms, [page.chapter for page in pages])
        site.write_numbers(pages, overview, {name: rendered.title for name, rendered in embeds.items()})
        site.write_overview(overview, references)
        site.write_index(chapters, embeds, read_path(PATH.relative_to(ROOT), chapters, embeds))
        site.write_oembed()
        site.assets.write_element()
        site.write_licences(numpy_wheel)
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


def read_disagreements(references: dict[str, Reference], chapters: list[Chapter]) -> Overview:
    """Parses the page on which sources disagree."""
    overview = parse_overview(DISAGREEMENTS.relative_to(ROOT), DISAGREEMENTS.read_text("utf-8"), references)
    (linked,) = link_equations([overview], chapters)
    return linked


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


def _replace(new: Path, old: Path) -> None:
    """Replaces the folder `old` by `new` with renames, so that no one ever sees a partly written site."""
    discarded = WORK / "discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)
