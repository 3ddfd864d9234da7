"""What a cell from a stranger cannot do: run scripts in the page, reach another origin, put forms into the page."""

from __future__ import annotations

from typing import Any

from tornado.web import Application, RequestHandler

from .conftest import serve_in_thread

SCRIPTS = """
import panel as pn

class Attack(pn.custom.JSComponent):
    _esm = "export function render() { window.ran = 'component'; return document.createElement('hr') }"

button = pn.widgets.Button(name="press")
button.js_on_click(code="window.ran = 'callback'")
pn.Column(
    pn.pane.HTML('<img src=x onerror="window.ran = 1"><scr' + 'ipt>window.ran = "script"</scr' + 'ipt><b>shown</b>'),
    pn.pane.HTML('<a class="go" href="javascript:window.ran = 2">link</a>'),
    button, Attack())
"""

FETCH = """
import js
print(hasattr(js, "Worker"))
request = js.XMLHttpRequest.new()
request.open("GET", "OTHER", False)
try:
    request.send()
except Exception as error:
    print(type(error).__name__)
"""

MESSAGE = """
import js
from pyodide.ffi import to_js
body = '<b class="kept">kept</b><form action="/"><input name="password"></form><style>body{display:none}</style>'
for run in range(1, 9):  # one of them is this run
    output = {"type": "output", "run": run, "kind": "table", "body": body, "line": 1}
    js.postMessage(to_js(output, dict_converter=js.Object.fromEntries))
"""


def test_scripts_of_a_cell_do_not_run_in_the_page(open_lab: Any) -> None:
    lab = open_lab()
    lab.open()
    cell = lab.edit("dissolve", SCRIPTS)
    lab.run(cell)
    cell.locator(".output b", has_text="shown").wait_for()
    cell.get_by_text("This component needs JavaScript from the cell").wait_for()
    cell.get_by_role("button", name="press").click()
    cell.locator("a.go").click()
    lab.page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert lab.page.evaluate("window.ran ?? 'nothing'") == "nothing"
    lab.messages.clear()


def test_python_reaches_no_other_origin(open_lab: Any) -> None:
    asked: list[str] = []

    class Open(RequestHandler):
        def get(self) -> None:
            asked.append(self.request.path)
            self.set_header("Access-Control-Allow-Origin", "*")

    address, stop = serve_in_thread(lambda: Application([(r"/.*", Open)]))
    lab = open_lab()
    lab.open()
    cell = lab.edit("dissolve", FETCH.replace("OTHER", address))
    lab.run(cell)
    assert cell.locator("pre.output.text").inner_text().split() == ["False", "JsException"]
    assert not asked
    stop()
    lab.messages.clear()
    lab.requests.clear()  # the one that was refused


def test_html_that_a_cell_sends_is_sanitised(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", MESSAGE)
    lab.run(cell)
    cell.locator(".kept").first.wait_for()
    assert cell.locator("form, input, style").count() == 0
