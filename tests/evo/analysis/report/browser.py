"""A real browser, driven over the WebDriver protocol and Chrome's own: what a reader of a page sees and does."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35, "Enter": 13, "Tab": 9}


def missing() -> str:
    """Why there is no browser to drive; nothing where there is one."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    return "" if chromium and shutil.which("chromedriver") else "chromium and chromedriver are not installed"


class Browser:
    """One tab of a headless Chromium."""

    def __init__(self, driver: str, session: str) -> None:
        self.root = f"{driver}/session/{session}"

    def __call__(self, command: str, **arguments: Any) -> Any:
        """A command of the DevTools protocol."""
        return _post(f"{self.root}/goog/cdp/execute", cmd=command, params=arguments)

    def js(self, script: str) -> Any:
        """The value of an expression in the page, by way of JSON."""
        return _post(f"{self.root}/execute/sync", script=f"return ({script})", args=[])

    def open(self, page: Path, anchor: str = "") -> None:
        """Loads a file as it is for a first visit, with an empty log."""
        _post(f"{self.root}/url", url="about:blank")
        self.log("browser"), self.log("performance")
        _post(f"{self.root}/url", url=page.as_uri() + anchor)
        self.until(f"location.href.startsWith({json.dumps(page.as_uri())}) && document.readyState === 'complete'")

    def until(self, condition: str, seconds: float = 100.0) -> None:
        """Waits for an expression to hold."""
        end = time.monotonic() + seconds
        while not self.js(condition):
            assert time.monotonic() < end, f"{condition} does not come true"
            time.sleep(0.02)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Returns the log since the last call: console messages (`browser`) or protocol events (`performance`)."""
        return _post(f"{self.root}/se/log", type=kind)

    def requests(self) -> list[str]:
        """Addresses that were asked for, data: addresses left out."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def size(self, width: int, height: int = 900) -> None:
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def centre(self, query: str) -> tuple[float, float]:
        """Scrolls the first match into view; its middle in the window."""
        self.js(f"{_first(query)}.scrollIntoView({{block: 'center', inline: 'center'}})")
        self.settle()
        box = self.js(f"{_first(query)}.getBoundingClientRect().toJSON()")
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def hover(self, query: str) -> None:
        x, y = self.centre(query)
        self("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def click(self, query: str) -> None:
        x, y = self.centre(query)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=int(kind != "mouseMoved"))
        self.settle()

    def press(self, key: str) -> None:
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **text)
        self.settle()

    def focus(self, query: str) -> None:
        self.js(f"{_first(query)}.focus()")
        self.settle()

    def settle(self) -> None:
        """Waits until what was done has had its effect on the page."""
        self.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")

    def pixels(self, query: str) -> np.ndarray:
        """Returns the pixels at the first match, (height, width, 3)."""
        from PIL import Image

        box = self.js(
            f"(({{x, y, width, height}}) => ({{x: x + scrollX, y: y + scrollY, width, height}}))"
            f"({_first(query)}.getBoundingClientRect())"
        )
        shot = self("Page.captureScreenshot", clip=box | {"scale": 1}, captureBeyondViewport=True)
        with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
            return np.asarray(image.convert("RGB"))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile, gone at the end together with its driver."""
    with subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout is not None
            ready = next(line for line in driver.stdout if "successfully on port" in line)
            address = f"http://127.0.0.1:{ready.split()[-1].rstrip('.')}"
            options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            session = _post(f"{address}/session", capabilities={"alwaysMatch": wanted})["sessionId"]
            try:
                yield Browser(address, session)
            finally:
                _call(urllib.request.Request(f"{address}/session/{session}", method="DELETE"))
        finally:
            driver.terminate()


def _first(query: str) -> str:
    return f"document.querySelector({json.dumps(query)})"


def _post(address: str, **body: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    return _call(urllib.request.Request(address, json.dumps(body).encode(), headers))


def _call(request: urllib.request.Request) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the driver is on this machine
    with direct.open(request, timeout=200) as answer:
        return json.load(answer)["value"]
