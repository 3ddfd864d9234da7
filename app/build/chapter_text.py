"""Texts of a chapter: Markdown with formulas, values, citations, presets and references to equations.

Roles are inline: {eq}`label`. Formulas and values become placeholders (see `chapter_tree`), so that those of the whole
site can be typeset and computed together.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

from diffusion_lab.app.build.chapter_tree import Chapter, Document, Formula, Preset, Reference, Text, Value

#: A value that is an instrument's reading; groups: slot, state, reading.
READING = re.compile(r"([\w-]+)((?:\s+\w+=\S*)*)\s+:\s+(\S+)")
#: Code, which is left unchanged, or a role (its name is group 1).
CODE_OR_ROLE = re.compile(r"```.*?```|``.*?``|\{(\w+)\}`[^`]*`|`[^`]*`", re.S)
#: Roles that become placeholders, and the pattern of these.
MARKING_ROLES = ("eq", "value")
MARK = re.compile("\ue002.*?\ue003|\ue004\\d+\ue005")


class TextReader:
    """Turns the Markdown of one document into texts; adds to the document what it finds in them."""

    def __init__(self, document: Document, references: dict[str, Reference]) -> None:
        self.document = document
        self.references = references
        self.md = self._markdown()

    # --- Markdown ----------------------------------------------------------------------------------------------------

    def _markdown(self) -> MarkdownIt:
        md = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(
            ["table", "smartquotes", "replacements"]
        )
        md.use(dollarmath_plugin, double_inline=False)
        md.use(colon_fence_plugin).use(myst_role_plugin)
        md.add_render_rule(
            "math_inline",
            lambda _self, tokens, i, *_: self.formula(tokens[i].content, False, self._line(tokens[i])),
        )
        md.add_render_rule("myst_role", lambda _self, tokens, i, *_: self._role(tokens[i]))
        return md

    @staticmethod
    def _line(token: Token) -> int:
        return int(token.meta.get("line", 0))

    def note_lines(self, tokens: list[Token], offset: int) -> list[Token]:
        """Records in each inline token its line in the file, for error messages."""
        for token in tokens:
            if token.type == "inline":
                line = (token.map[0] if token.map else 0) + offset + 1
                for child in token.children or []:
                    child.meta["line"] = line
                    line += child.type in ("softbreak", "hardbreak")
        return tokens

    def text(self, markdown: str, line: int) -> Text:
        """Parses the text inside a directive; `line` is its first line."""
        tokens = self.md.parse(markdown)
        for token in tokens:
            if is_directive(token) or token.type.startswith("math_block"):
                place = line + (token.map[0] if token.map else 0)
                raise self.document.error(place, "A directive cannot be inside another directive.")
        return self.marked(markdown.strip(), self.html(self.note_lines(tokens, line - 1)), line)

    def inline(self, markdown: str, line: int) -> Text:
        """Parses a text without paragraphs, as in an option; `line` is its line."""
        return self.marked(markdown, self.html(self.note_lines(self.md.parseInline(markdown), line - 1)), line)

    def marked(self, markdown: str, html: str, line: int) -> Text:
        """Returns the text with the placeholders of its HTML in its Markdown too."""
        marks = MARK.findall(html)
        following = iter(marks)
        marked = CODE_OR_ROLE.sub(
            lambda found: next(following, "\ue002\ue003") if found[1] in MARKING_ROLES else found[0], markdown
        )
        if MARK.findall(marked) != marks:
            raise self.document.error(line, "`{eq}` and `{value}` cannot be part of a link's address or of a picture.")
        return Text(marked, html)

    def html(self, tokens: list[Token]) -> str:
        """HTML of tokens whose lines are noted."""
        # A table's corner is no heading of anything.
        html = str(self.md.renderer.render(tokens, self.md.options, {})).replace("<th></th>", "<td></td>")
        return re.sub("<th(?=[ >])", '<th scope="col"', html)

    def formula(self, tex: str, display: bool, line: int) -> str:
        """Adds a formula to the document and returns its placeholder."""
        mark = f"\ue000{self.document.slug}:{len(self.document.formulas)}\ue001"
        self.document.formulas.append(Formula(mark, tex.strip(), display, line))
        return mark

    # --- roles -------------------------------------------------------------------------------------------------------

    def _role(self, token: Token) -> str:
        name, content, line = token.meta["name"], token.content.strip(), self._line(token)
        roles: dict[str, Callable[[str, int], str]] = {
            "eq": self._eq,
            "cite": self._cite,
            "citet": self._citet,
            "set": self._set,
            "value": self._value,
        }
        if name not in roles:
            raise self.document.error(line, f"Unknown role {{{name}}}; there is {', '.join(sorted(roles))}.")
        return roles[name](content, line)

    def _eq(self, reference: str, line: int) -> str:
        if not isinstance(self.document, Chapter) and ":" not in reference:
            raise self.document.error(line, f"Outside of a chapter an equation is `chapter:label`, got `{reference}`.")
        self.document.equation_refs.append((reference, line))
        return f"\ue002{html.escape(reference)}\ue003"

    def _value(self, content: str, line: int) -> str:
        source, _, form = content.rpartition("|") if "|" in content else (content, "", "")
        source = " ".join(source.split())
        if not source:
            forms = "`expression | format` or `instrument setting=value : reading | format`"
            raise self.document.error(line, f"A value reads {forms}, got `{content}`.")
        place = len(self.document.values)
        of = "" if isinstance(self.document, Chapter) else f"{self.document.slug}-"
        value = Value(f"value-{of}{place + 1}", source, source, form.strip(), len(self.document.blocks), line)
        if match := READING.fullmatch(source):
            state = dict(pair.split("=", 1) for pair in match[2].split())
            value = replace(value, expression=match[3], slot=match[1], state=state)
        self.document.steps.append(value)
        return f"\ue004{place}\ue005"

    def _cite(self, keys: str, line: int) -> str:
        links = [self._citation(key.strip(), line, in_sentence=False) for key in keys.split(",")]
        return f"({'; '.join(links)})"

    def _citet(self, key: str, line: int) -> str:
        return self._citation(key, line, in_sentence=True)

    def _citation(self, key: str, line: int, in_sentence: bool) -> str:
        if key not in self.references:
            raise self.document.error(
                line, f"No work `{key}` in references.toml; it has {', '.join(sorted(self.references))}."
            )
        if key not in self.document.cited:
            self.document.cited.append(key)
        work = self.references[key]
        return f'<a class="cite" href="#ref-{key}">{html.escape(work.cited(in_sentence))}</a>'

    def _set(self, content: str, line: int) -> str:
        target, bar, text = content.partition("|")
        name, *pairs = target.split() or [""]
        words = set(pairs[: sum("=" not in pair for pair in pairs)])
        del pairs[: len(words)]
        if not bar or not name or not words <= {"keep", "chart"} or not all("=" in pair for pair in pairs):
            forms = "{set}`instrument setting=value | text`, with `keep` or `chart` after the instrument if wanted"
            raise self.document.error(line, f"A preset reads {forms}, got `{content}`.")
        state = dict(pair.split("=", 1) for pair in pairs)
        self.document.steps.append(Preset(name, state, "keep" in words, len(self.document.blocks), line))
        values, marks = html.escape(" ".join(pairs)), "".join(f" data-{word}" for word in sorted(words))
        shown = self.inline(text.strip(), line).html
        return f'<a class="preset" href="#instrument-{name}" data-set="{values}"{marks}>{shown}</a>'


def is_directive(token: Token) -> bool:
    """Whether a token is a directive's fence."""
    return token.type == "colon_fence" or (token.type == "fence" and token.info.startswith("{"))
