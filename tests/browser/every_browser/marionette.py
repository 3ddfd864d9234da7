"""Firefox under Selenium without geckodriver, which Debian does not have: Selenium's commands in its own protocol.

Marionette takes WebDriver's commands as JSON over a socket, each message behind its length in bytes and a colon:
`[0, id, name, parameters]`, answered by `[1, id, error, result]`.
Source: firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import json
import socket
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.remote_connection import RemoteConnection

#: Selenium's commands that the tests use → Marionette's.
NAMES = {
    Command.NEW_SESSION: "NewSession",
    Command.QUIT: "DeleteSession",
    Command.GET: "Navigate",
    Command.GO_BACK: "Back",
    Command.REFRESH: "Refresh",
    Command.GET_CURRENT_URL: "GetCurrentURL",
    Command.W3C_EXECUTE_SCRIPT: "ExecuteScript",
    Command.SWITCH_TO_FRAME: "SwitchToFrame",
    Command.SWITCH_TO_PARENT_FRAME: "SwitchToParentFrame",
    Command.CLICK_ELEMENT: "ElementClick",
    Command.SEND_KEYS_TO_ELEMENT: "ElementSendKeys",
    Command.W3C_ACTIONS: "PerformActions",
    Command.W3C_CLEAR_ACTIONS: "ReleaseActions",
    Command.SET_WINDOW_RECT: "SetWindowRect",
    Command.SCREENSHOT: "TakeScreenshot",
    Command.SET_TIMEOUTS: "SetTimeouts",
}


class Marionette(RemoteConnection):
    """Selenium's connection to a Firefox that was started with `--marionette`."""

    def __init__(self, port: int) -> None:
        """Raises OSError if no Firefox listens on the port."""
        super().__init__(client_config=ClientConfig(f"http://127.0.0.1:{port}"))
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._stream = self._socket.makefile("rb")
        self._receive()  # a greeting

    def execute(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        """Returns the result of one of Selenium's commands. Raises `WebDriverException` with what Firefox says."""
        values = {name: value for name, value in params.items() if name != "sessionId"}
        if command == Command.NEW_SESSION:
            values = {}
        if command == Command.W3C_EXECUTE_SCRIPT:
            values["sandbox"] = None  # in the page itself, as other browsers do
        if command == Command.SCREENSHOT:
            values["full"] = False
        message = json.dumps([0, 1, f"WebDriver:{NAMES[command]}", values]).encode()
        self._socket.sendall(f"{len(message)}:".encode() + message)
        _, _, error, result = self._receive()
        if error:
            raise WebDriverException(f"{error['error']}: {error['message']}")
        return {"value": result} if command == Command.NEW_SESSION else result or {"value": None}

    def _receive(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            if not byte:
                raise OSError("Firefox has closed the connection.")
            length += byte
        return json.loads(self._stream.read(int(length)))

    def close(self) -> None:
        """Closes the socket."""
        self._stream.close()
        self._socket.close()
