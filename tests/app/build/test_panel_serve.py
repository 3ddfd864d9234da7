"""The same components under `panel serve`."""

import os
import re
import subprocess
import sys
import urllib.request

import pytest

from diffusion_lab.app.build.panel_serve import page
from diffusion_lab.app.build.setup_steps import ROOT, free_port
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names


@pytest.mark.parametrize("name", instrument_names())
def test_an_address_names_an_instrument(name):
    cls = instrument_class(name)
    (shown,) = page({"instrument": name, "theme": "dark"}).objects
    assert isinstance(shown.instrument, cls)
    assert shown.instrument.state() == {}


def test_an_address_sets_its_settings():
    (shown,) = page({"instrument": "ring", "t": "0.4"}).objects
    assert (shown.instrument.state(), shown.t) == ({"t": 0.4}, 0.4)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"instrument": "ring", "t": "7"}, "`t` must be a number from 0.0 to 1.0, got '7'."),
        ({"instrument": "cube"}, "There is no instrument `cube`; there is " + ", ".join(instrument_names()) + "."),
    ],
)
def test_a_wrong_address_is_told(query, said):
    assert page(query).object == said


def test_without_a_name_there_is_a_list():
    assert re.findall(r"\?instrument=(\w+)", page({}).object) == instrument_names()


def test_panel_serve_serves_it():
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "panel",
        "serve",
        "app/build/panel_serve.py",
        "--port",
        str(port),
        "--address",
        "127.0.0.1",
    ]
    environment = {**os.environ, "BOKEH_RESOURCES": "server", "PYTHONUNBUFFERED": "1"}
    served = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert any("Bokeh app running at" in line for line in served.stderr)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/panel_serve?instrument=ring&t=0.4") as answer:
            body = answer.read().decode()
        assert "root_ids" in body
        assert answer.status == 200
    finally:
        served.terminate()
        served.wait()
