"""What the worker calls: open instruments, move them, run cells. One page has one interpreter for its instruments and
one for its cells; both have this interface."""

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
from diffusion_lab.app.instrument.discovery import instrument_class

if TYPE_CHECKING:  # Panel, Bokeh and what shows errors are imported when a cell or an edit needs them
    from diffusion_lab.app.browser.code_overrides import CodeOverrides
    from diffusion_lab.app.browser.live_cells import LiveCells
    from diffusion_lab.app.browser.output_throttle import OutputThrottle
    from diffusion_lab.app.cells.outputs import Output

downloads.install()


class WorkerApi:
    """Everything that runs in Python behind one page."""

    def __init__(self) -> None:
        self._instruments: dict[str, LinkedInstrument] = {}

    @cached_property
    def cells(self) -> LiveCells:
        """The cells; imports Panel and Bokeh."""
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
        tell_edits: Callable[[str, str, str, int], None],
    ) -> None:
        """The ways to the page: an instrument's answer, a patch of a cell's live output, a cell's outputs, how many of
        them were left out, and which functions run a reader's code."""
        self._send_answer = send_answer
        self._send_patch = send_patch
        self._send_output = send_output
        self._leave_out = leave_out
        self._tell_edits = tell_edits

    # --- instruments -------------------------------------------------------------------------------------------------

    def knows(self, name: str) -> bool:
        """Whether the code of instrument `name` has been imported, so that it can be opened without its files."""
        return f"diffusion_lab.instruments.{name}.component" in sys.modules

    def open(self, slot: str, name: str, state: Any, query: str | None) -> Any:
        """Makes instrument `name` for the place `slot` in a state, and returns a sentence for each wrong setting.

        query: settings that it had in an interpreter which this one replaces; None where there was none.
        """

        def make() -> None:
            made = self._instruments[slot] = LinkedInstrument(slot, name, state.to_py(), self._send_answer)
            if query is not None:
                made.resume(query)

        if not self._computes(make):
            make()
        if "_overrides" in self.__dict__ and self._overrides.by_place()[slot]:
            self._say_what_is_edited()
        return self._instruments[slot].problems

    def close(self, slot: str) -> None:
        """The page has closed the instrument."""
        self._instruments.pop(slot, None)

    def set(self, slot: str, values: Any) -> None:
        """Settings that the reader has moved."""
        self._computes(lambda: self._instruments[slot].set(values.to_py()))

    def set_state(self, slot: str, values: Any) -> None:
        """Settings, as texts, from a link in the prose."""
        self._computes(lambda: self._instruments[slot].set_state(values.to_py()))

    def act(self, slot: str, message: Any) -> None:
        """A button or a tap."""
        self._computes(lambda: self._instruments[slot].instrument.act(message.to_py()))

    def answer(self, slot: str, milliseconds: float) -> bool:
        """Sends the page what has changed; long work gets so much time. True if there is more to compute."""
        working = False

        def go() -> None:
            nonlocal working
            working = self._instruments[slot].answer(milliseconds / 1000)

        if slot in self._instruments and not self._computes(go):
            go()
        return working

    def export(self, slot: str) -> str:
        """The data that the instrument shows, as comma-separated values."""
        return self._instruments[slot].instrument.csv()

    # --- cells -------------------------------------------------------------------------------------------------------

    def run_cell(self, label: str, code: str, above: Any, checks: str) -> bool:
        """Runs a cell; its outputs are sent as they come. See `LiveCells.run`."""
        with self._throttled() as throttle:
            return self.cells.run(label, code, throttle.take, above.to_py(), checks)

    def link_output(self, slot: str) -> None:
        """The page has drawn a live output."""
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
        """Puts a reader's code in the place of the function `name` of an instrument; false if it could not be."""
        from diffusion_lab.app.browser.code_overrides import told
        from diffusion_lab.app.cells.outputs import Printed

        with self._throttled() as throttle:
            printed = Printed(throttle.take)
            try:
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                    self._overrides.edit(instrument_class(instrument), name, code)
            except BaseException as error:  # of whatever kind: the code is the reader's
                printed.flush()
                throttle.take(told(error, name))
                return False
            else:
                printed.flush()
                return True
            finally:
                self._say_what_is_edited()

    def restore(self, instrument: str, name: str) -> None:
        """The function `name` of an instrument, or all where it is "", run the lab's code again."""
        self._overrides.reset(instrument_class(instrument), name)
        self._say_what_is_edited()

    def _computes(self, act: Callable[[], None]) -> bool:
        """Runs `act`. Where it fails at a reader's code, the lab's code is restored and the result is false."""
        try:
            act()
        except BaseException as error:
            if "_overrides" not in self.__dict__ or not (name := self._overrides.blamed(error)):
                raise
            from diffusion_lab.app.browser.code_overrides import told

            self._overrides.reset_all()
            self._say_what_is_edited(name, told(error, name))
            return False
        return True

    def _say_what_is_edited(self, failed: str = "", error: Output | None = None) -> None:
        by_place = json.dumps(self._overrides.by_place())
        self._tell_edits(by_place, failed, error.body if error else "", error.line if error else 0)

    # --- start and snapshot ------------------------------------------------------------------------------------------

    def started(self) -> None:
        """The start is over: garbage collections skip the objects that exist now."""
        gc.freeze()
        gc.enable()

    def warm_up(self, names: list[str]) -> None:
        """For a snapshot: imports Panel and Bokeh, and the code of these instruments, whose constants are computed."""
        for name in names:
            instrument_class(name)().answer()
        _ = self.cells
        del self.__dict__["cells"]

    def fall_asleep(self) -> None:
        """Before the snapshot: nothing may point at objects of this worker except by a name that each worker has."""
        if panel_pyodide := sys.modules.get("panel.io.pyodide"):
            panel_pyodide._dict_converter = None  # type: ignore[attr-defined]  # for a link of Panel's, unused here
        gc.collect()
        gc.freeze()

    def wake_up(self) -> None:
        """After the snapshot was restored: seeds random numbers again, and forgets which files there were."""
        random.seed()
        if legacy := sys.modules.get("numpy.random.mtrand"):  # seeds itself when it is imported later
            legacy.seed()
        sys.path_importer_cache.clear()
