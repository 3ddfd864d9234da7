"""Serves the instruments with `panel serve app/build/panel_serve.py`: open `/panel_serve?instrument=<name>`.

The query can also contain settings: `/panel_serve?instrument=<name>&t=0.4`. A notebook needs no server:
`instrument_class("<name>")()` as the last line of a cell shows the instrument.
"""

from __future__ import annotations

import panel as pn

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.instrument import StateError


def page(query: dict[str, str]) -> pn.viewable.Viewable:
    """Returns the instrument that `query` names, with its settings; a list if no name is given; or an error."""
    values = dict(query)
    name = values.pop("instrument", "")
    values.pop("theme", None)  # Panel's own
    if not name:
        links = "\n".join(f"- [{known}](?instrument={known})" for known in instrument_names())
        return pn.pane.Markdown(f"## Instruments\n\n{links}")
    try:
        cls = instrument_class(name)
        return pn.Column(cls(**cls.parse_state(values)), max_width=1040, sizing_mode="stretch_width")
    except (LookupError, StateError) as error:
        return pn.pane.Alert(str(error.args[0]), alert_type="danger")


if pn.state.served:
    pn.extension()
    arguments = {key: value[-1].decode() for key, value in pn.state.session_args.items()}
    page(arguments).servable()
