"""Debian's Chromium, Firefox and WebKitGTK under Selenium."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from .marionette import Marionette

DESK = (1360, 900)

#: WebKitGTK's smallest browser; its folder has the version of GTK's interface in its name.
MINI_BROWSER = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"


@contextmanager
def chromium() -> Iterator[WebDriver]:
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("DIFFUSION_LAB_BROWSER") or shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={DESK[0]},{DESK[1]}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@contextmanager
def firefox() -> Iterator[WebDriver]:
    """Firefox without a window, in a new profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chosen = Path(profile, "MarionetteActivePort")
        chosen.touch()
        Path(profile, "user.js").write_text('user_pref("marionette.port", 0);\n')  # any port that is free
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            connection = Marionette(int(_when(process, chosen.read_text)))
            driver = WebDriver(connection, options=webdriver.FirefoxOptions())
            driver.set_window_rect(0, 0, *DESK)
            yield driver
            connection.close()
        finally:
            process.terminate()
            process.wait()


@contextmanager
def webkit() -> Iterator[WebDriver]:
    """WebKitGTK's MiniBrowser on a screen that nobody sees."""
    with ExitStack() as stack:
        screen = stack.enter_context(_screen())
        options = webdriver.WebKitGTKOptions()
        options.binary_location = str(next(Path("/").glob(MINI_BROWSER[1:])))
        options.add_argument("--automation")
        service = webdriver.WebKitGTKService(shutil.which("WebKitWebDriver"), env={**os.environ, "DISPLAY": screen})
        driver = webdriver.WebKitGTK(options, service)
        stack.callback(driver.quit)
        driver.set_window_rect(0, 0, *DESK)
        yield driver


@contextmanager
def _screen() -> Iterator[str]:
    """A screen without hardware; yields its name."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield f":{said.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def _when(process: subprocess.Popen[bytes], said: Callable[[], str]) -> str:
    """What is said, once something is."""
    while not (text := said()):
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return text


#: Name in the tests → name in print, in the same order.
TITLES = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKitGTK"}

BROWSERS = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
