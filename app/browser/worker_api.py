"""The interface that the worker's JavaScript calls: open instruments, change settings, run cells.

A page has one interpreter for its instruments and one for its cells; both have this interface.
"""

from __future__ import annotations

import contextlib
import gc
import json
import random
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from diffusion_lab.app.browser import downloads
from diffusion_lab.app.browser.linked_instruments import LinkedInstrument
from diffusion_lab.app.instrument.assets import without_downloads
from diffusion_lab.app.instrument.discovery import instrument_class

if TYPE_CHECKING:  # Panel, Bokeh and the formatting of errors are imported when a cell or an edit needs them
    from diffusion_lab.app.browser.code_overrides import CodeOverrides
    from diffusion_lab.app.browser.live_cells import LiveCells
    from diffusion_lab.app.browser.output_throttle import OutputThrottle
    from diffusion_lab.app.cells.outputs import Output

downloads.install()

#: Time that an instrument may take for long work before a snapshot is made: what is short ends in it.
WARM_UP_SECONDS = 1.0


class WorkerApi:
    """The Python side of one page."""

    def __init__(self) -> None:
        self._instruments: dict[str, LinkedInstrument] = {}

    @cached_property
    def cells(self) -> LiveCells:
        """The cells of the page. The first access imports Panel and Bokeh."""
        from diffusion_lab.app.browser.lean_bokeh_panel import import_bokeh_and_panel

        import_bokeh_and_panel()
        from diffusion_lab.app.browser.live_cells import LiveCells

        return LiveCells()

    @cached_property
    def _overrides(self) -> CodeOverrides:
        from diffusion_lab.app.browser.code_overrides import CodeOverrides

        return CodeOverrides(self._instruments)

    def connect(
        self,
        send_answer: Callable[[str, str, Any], None],
        send_patch: Callable[..., None],
        send_output: Callable[[str, str, int], None],
        leave_out: Callable[[int, int], None],
        tell_edits: Callable[[str, str, str, int, str], None],
    ) -> None:
        """Sets the functions that send to the page.

        In this order, they send: an instrument's answer, a patch of a live output, an output of a cell, the numbers of
        omitted outputs, and the functions that the reader has replaced.
        """
        self._send_answer = send_answer
        self._send_patch = send_patch
        self._send_output = send_output
        self._leave_out = leave_out
        self._tell_edits = tell_edits

    # --- instruments -------------------------------------------------------------------------------------------------

    def knows(self, name: str) -> bool:
        """Returns whether the code of instrument `name` is imported, so that opening it needs no download."""
        return f"diffusion_lab.instruments.{name}.component" in sys.modules

    def open(
        self,
        slot: str,
        name: str,
        place: Any,
        asked: Any,
        embedded: bool,
        query: str | None,
        beside: str = "",
        locked: Any = None,
    ) -> Any:
        """Creates instrument `name` for the place `slot`, and returns a sentence for each wrong setting in `asked`.

        place, asked, embedded, locked: see `LinkedInstrument`. query: the settings that it had in a previous
        interpreter, which this one replaces, or on an earlier visit; None if there were none. beside: of a pinned copy,
        the slot of its original.
        """

        def make() -> None:
            original, locks = self._instruments.get(beside), locked.to_py() if locked else ()
            made = LinkedInstrument(
                slot, name, _texts(place), _texts(asked), embedded, self._send_answer, original, locks
            )
            self._instruments[slot] = made
            if query is not None:
                made.resume(query)
            if "_overrides" in self.__dict__:
                self._overrides.mark(made.instrument)

        if not self._computes(make):
            make()
        if "_overrides" in self.__dict__ and self._overrides.by_place()[slot]:
            self._say_what_is_edited()
        return self._instruments[slot].problems

    def close(self, slot: str) -> None:
        """Discards an instrument that the page has closed."""
        self._instruments.pop(slot, None)

    def set(self, slot: str, values: Any) -> None:
        """Applies settings that the reader has changed."""
        self._computes(lambda: self._instruments[slot].set(values.to_py()))

    def preset(self, slot: str, values: Any, keep: bool) -> None:
        """Applies a preset of the prose; its settings are texts."""
        self._computes(lambda: self._instruments[slot].preset(values.to_py(), keep))

    def act(self, slot: str, message: Any) -> None:
        """Handles a button or a tap."""
        self._computes(lambda: self._instruments[slot].act(message.to_py()))

    def answer(self, slot: str, milliseconds: float) -> bool:
        """Sends the changes to the page; long work may take `milliseconds`. True if work remains."""
        working = False

        def go() -> None:
            nonlocal working
            working = self._instruments[slot].answer(milliseconds / 1000)

        if slot in self._instruments and not self._computes(go):
            go()
        for other in self._instruments.values():
            if other.original is not None and other.original is self._instruments.get(slot):
                other.compare()
        return working

    def export(self, slot: str) -> str:
        """Returns the data that the instrument shows, as comma-separated values."""
        return self._instruments[slot].instrument.csv()

    def picture(self, slot: str, theme: str, address: str) -> str:
        """Returns what the instrument shows as SVG, with legends, settings and this address in it."""
        from diffusion_lab.app.instrument.scene_svg import instrument_svg

        return instrument_svg(self._instruments[slot].instrument, "dark" if theme == "dark" else "light", address)

    # --- cells -------------------------------------------------------------------------------------------------------

    def run_cell(self, label: str, code: str, above: Any, checks: str, starter: str) -> bool:
        """Runs a cell and sends its outputs as they are produced. See `LiveCells.run`."""
        with self._throttled() as throttle:
            return self.cells.run(label, code, throttle.take, above.to_py(), checks, starter)

    def link_output(self, slot: str) -> None:
        """Starts to send changes of a live output; called when the page has drawn it."""
        self.cells.link(slot, self._send_patch)

    @contextlib.contextmanager
    def _throttled(self) -> Iterator[OutputThrottle]:
        from diffusion_lab.app.browser.output_throttle import OutputThrottle

        throttle = OutputThrottle(
            lambda output: self._send_output(output.kind, output.body, output.line), self._leave_out
        )
        try:
            yield throttle
        finally:
            throttle.close()

    # --- code overrides ----------------------------------------------------------------------------------------------

    def edit(self, instrument: str, name: str, code: str) -> bool:
        """Replaces the function `name` of an instrument by the reader's code; sends any error and returns False."""
        from diffusion_lab.app.browser.code_overrides import hint_about, shown_error
        from diffusion_lab.app.cells.outputs import Output, Printed

        with self._throttled() as throttle:
            printed = Printed(throttle.take)
            try:
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                    self._overrides.edit(instrument_class(instrument), name, code)
            except BaseException as error:  # of any type, because the code is the reader's
                printed.flush()
                throttle.take(shown_error(error, name))
                if hint := hint_about(error, code):
                    throttle.take(Output("hint", hint))
                return False
            else:
                printed.flush()
                return True
            finally:
                self._say_what_is_edited()

    def restore(self, instrument: str, name: str) -> None:
        """Restores the lab's code of the function `name` of an instrument; "" means all its functions."""
        self._overrides.reset(instrument_class(instrument), name)
        self._say_what_is_edited()

    def _computes(self, act: Callable[[], None]) -> bool:
        """Runs `act`. If the reader's code makes it fail, restores the lab's code and returns False."""
        try:
            act()
        except BaseException as error:
            if "_overrides" not in self.__dict__ or not (name := self._overrides.blamed(error)):
                raise
            from diffusion_lab.app.browser.code_overrides import hint_about, shown_error

            self._overrides.reset_all()
            self._say_what_is_edited(name, shown_error(error, name), hint_about(error))
            return False
        return True

    def _say_what_is_edited(self, failed: str = "", error: Output | None = None, hint: str = "") -> None:
        by_place = json.dumps(self._overrides.by_place())
        self._tell_edits(by_place, failed, error.body if error else "", error.line if error else 0, hint)

    # --- start and snapshot ------------------------------------------------------------------------------------------

    def started(self) -> None:
        """Ends the start: enables garbage collection, which from now on skips the objects that already exist."""
        gc.freeze()
        gc.enable()

    def warm_up(self, names: list[str]) -> None:
        """Prepares a snapshot: imports these instruments and computes their constants, without long work."""
        with without_downloads():
            for name in names:
                instrument_class(name)().answer(WARM_UP_SECONDS)
        self.__dict__.pop("cells", None)

    def fall_asleep(self) -> None:
        """Prepares the interpreter for the snapshot: removes references to JavaScript objects of this worker."""
        gc.collect()
        gc.freeze()

    def wake_up(self) -> None:
        """Call after a snapshot is restored: reseeds random numbers and clears the cache of importable files."""
        random.seed()
        if legacy := sys.modules.get("numpy.random.mtrand"):  # seeds itself when it is imported later
            legacy.seed()
        sys.path_importer_cache.clear()


def _texts(names: Any) -> dict[str, str]:
    """A JavaScript object of texts by name as a dictionary.

    Unlike `to_py`, it also reads one that has a name like `constructor`, which the address of a page may contain.
    """
    return {str(name): str(text) for name, text in names.object_entries()}
