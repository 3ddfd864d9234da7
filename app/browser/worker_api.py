"""What the worker calls: open instruments, take patches, run cells. One page, one Python, one of each."""

from __future__ import annotations

import contextlib
import gc
import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from panel.io import pyodide as panel_pyodide
from pyodide.ffi import to_js

from diffusion_lab.app.browser.code_overrides import CodeOverrides, told
from diffusion_lab.app.browser.linked_instruments import LinkedInstrument
from diffusion_lab.app.browser.live_cells import LiveCells
from diffusion_lab.app.browser.output_throttle import OutputThrottle
from diffusion_lab.app.cells.session import Output, Printed
from diffusion_lab.app.instrument.discovery import instrument_class


class WorkerApi:
    """All that lives behind one page."""

    def __init__(self) -> None:
        self._instruments: dict[str, LinkedInstrument] = {}
        self._ahead: dict[str, LinkedInstrument] = {}
        self.cells = LiveCells()
        self._edits = CodeOverrides(self._instruments)

    def connect(
        self,
        send_patch: Callable[..., None],
        send_output: Callable[[str, str, int], None],
        leave_out: Callable[[int, int], None],
        tell_edits: Callable[[str, str, str, int], None],
    ) -> None:
        """The ways out to the page."""
        self._tell_edits = tell_edits
        self._send_patch = send_patch
        self._send_output = send_output
        self._leave_out = leave_out

    def open(self, slot: str, name: str, state: Any, theme: str) -> Any:
        """Makes instrument `name` for the place `slot` of the page.

        Returns its document for the page to draw, and a sentence for each setting that could not be taken.
        """

        def make() -> None:
            self._instruments[slot] = LinkedInstrument(name, state.to_py(), theme)

        if not self._computes(make):
            make()
        live = self._instruments[slot]
        return to_js([*live.drawing, live.problems])

    def link(self, slot: str) -> None:
        """The page has drawn the document: changes flow from now on."""
        self._instruments[slot].link(slot, self._send_patch)
        if self._edits.by_place()[slot]:  # it may have been made before the edit
            self._instruments[slot].recompute()
            self._say_what_is_edited()

    def close(self, slot: str) -> None:
        """The page has put the instrument away."""
        self._instruments.pop(slot, None)

    def set(self, slot: str, values: Any) -> None:
        """Params that the reader has moved."""
        self._computes(lambda: self._instruments[slot].set(values.to_py()))

    def patch(self, slot: str, json_patch: Any) -> None:
        """An event from the page's document."""
        self._computes(lambda: self._instruments[slot].patch(json_patch))

    def set_state(self, slot: str, values: Any) -> None:
        """Settings from a link in the prose."""
        self._computes(lambda: self._instruments[slot].set_state(values.to_py()))

    def resume(self, slot: str, query: str) -> None:
        """Settings that the instrument had in a Python that this one takes the place of."""
        self._instruments[slot].resume(query)

    def export(self, slot: str) -> str:
        """The data that the instrument shows, as comma-separated values."""
        return self._instruments[slot].component.csv()

    def run_cell(self, label: str, code: str, above: Any, checks: str) -> bool:
        """Runs a cell; its outputs leave as they come. See `LiveCells.run`."""
        with self._throttled() as throttle:
            return self.cells.run(label, code, throttle.take, above.to_py(), checks)

    def link_output(self, slot: str) -> None:
        """The page has drawn what a cell has put out."""
        self.cells.link(slot, self._send_patch)

    @contextlib.contextmanager
    def _throttled(self) -> Iterator[OutputThrottle]:
        throttle = OutputThrottle(
            lambda output: self._send_output(output.kind, output.body, output.line), self._leave_out
        )
        try:
            yield throttle
        finally:
            throttle.close()

    # --- the code that instruments run -------------------------------------------------------------------------------

    def edit(self, instrument: str, name: str, code: str) -> bool:
        """Puts a reader's code in the place of the function `name` of an instrument; false if it could not be."""
        with self._throttled() as throttle:
            printed = Printed(throttle.take)
            try:
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                    self._edits.edit(instrument_class(instrument), name, code)
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
        """The function `name` of an instrument, or all where it is "", run their own code again."""
        self._edits.reset(instrument_class(instrument), name)
        self._say_what_is_edited()

    def _computes(self, act: Callable[[], None]) -> bool:
        """Does what has an instrument compute. Where it fails at a reader's code, the lab's own is put back: false."""
        try:
            act()
        except BaseException as error:
            if not (name := self._edits.blamed(error)):
                raise
            self._edits.reset_all()
            self._say_what_is_edited(name, told(error, name))
            return False
        return True

    def _say_what_is_edited(self, failed: str = "", error: Output | None = None) -> None:
        by_place = json.dumps(self._edits.by_place())
        self._tell_edits(by_place, failed, error.body if error else "", error.line if error else 0)

    def started(self) -> None:
        """The start is over: collections leave alone what stands now and look only at what comes later."""
        gc.freeze()
        gc.enable()

    # --- a snapshot of the memory, this page in it -------------------------------------------------------------------

    def prepare(self, key: str, name: str, state: Any, theme: str) -> Any:
        """Makes an instrument before a page asks for it; `take` hands it over. Returns what `open` does."""
        live = self._ahead[key] = LinkedInstrument(name, state.to_py(), theme)
        return to_js([*live.drawing, live.problems])

    def take(self, slot: str, key: str) -> bool:
        """Puts the instrument that was prepared as `key` in the place `slot`; false if there is none (any more)."""
        if key not in self._ahead:
            return False
        self._instruments[slot] = self._ahead.pop(key)
        return True

    def fall_asleep(self) -> None:
        """Before the snapshot: nothing may point at objects of this worker but by a name that each worker has."""
        panel_pyodide._dict_converter = None  # for a link of Panel's that is not used here
        gc.collect()
        gc.freeze()

    def wake_up(self) -> None:
        """After it was restored: chance starts anew, and files are looked for anew."""
        random.seed()
        if legacy := sys.modules.get("numpy.random.mtrand"):  # which seeds itself when it is imported later
            legacy.seed()
        sys.path_importer_cache.clear()
