# SPDX-License-Identifier: Apache-2.0
"""A real browser that a test drives: headless Chromium by the WebDriver protocol (W3C), through chromedriver.

    with Browser(place) as browser:
        browser.open(server.url + "/login")
        browser.type("#name", "somebody")
        browser.click("#submit")

Elements are named by CSS selectors and waited for, since pages of today appear in pieces. The browser finds nobody but
127.0.0.1.
"""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import harness
from processes import descendants_of, end, eventually

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, WebDriver section 12.2
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
           "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


class Refused(Exception):
    """What chromedriver says when a command cannot be done now."""


class Browser:
    """One window."""

    def __init__(self, place, width: int = 1280, height: int = 1600, within: float = 30.0):
        self.place, self.within = place, within * harness.SLOWNESS
        self.size = f"--window-size={width},{height}"
        self.port = harness.free_port()
        self.session = ""

    def __enter__(self) -> "Browser":
        surroundings = {"PATH": "/usr/bin:/bin", "HOME": str(self.place.path), "TMPDIR": str(self.place.path)}
        self.process = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=surroundings)
        harness.Server.own_helpers.add(self.process.pid)
        try:
            eventually("chromedriver listens", lambda: harness.is_listening(self.port))
            arguments = [*OPTIONS, self.size, f"--user-data-dir={self.place / 'profile'}"]
            wish = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}}
            self.session = "/session/" + self._send("POST", "/session", {"capabilities": {"alwaysMatch": wish}})["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self._send("DELETE", self.session)
        except (Refused, OSError):
            pass  # what is left of it is killed
        for pid in [*descendants_of(self.process.pid), self.process.pid]:
            end(pid)
        self.process.wait()

    def _send(self, method: str, path: str, values: dict | None = None):
        data = None if method != "POST" else json.dumps(values or {}).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"},
                                       method=method)
        try:
            with urllib.request.urlopen(asked, timeout=self.within + 30) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["value"]["message"]) from None

    def command(self, name: str, values: dict | None = None, method: str = "POST"):
        return self._send(method, f"{self.session}/{name}", values)

    # --- what a person does -----------------------------------------------------------------------------------------

    def open(self, url: str):
        self.command("url", {"url": url})

    def find(self, selector: str) -> str:
        """The first element of that selector, as soon as there is one."""
        return self._until(f"there is {selector}",
                           lambda: self.command("element", {"using": "css selector", "value": selector})[ELEMENT])

    def click(self, selector: str):
        """Clicks as soon as nothing covers the element."""
        self._until(f"{selector} can be clicked", lambda: [self.command(f"element/{self._now(selector)}/click")])

    def type(self, selector: str, text: str, clear: bool = False):
        element = self.find(selector)
        if clear:
            self.command(f"element/{element}/clear")
        self._until(f"{selector} takes text", lambda: [self.command(f"element/{element}/value", {"text": text})])

    def fill(self, form: dict[str, str]):
        """Types into the fields until each holds what is meant: scripts of a page move the focus in the middle of a word."""
        def enter():
            for selector, text in form.items():
                self.type(selector, text, clear=True)
            held = {selector: self._property(selector, "value") for selector in form}
            if held != form:
                raise Refused(f"the fields hold {held}")

        self._until(f"{', '.join(form)} hold what was typed", enter)

    def text(self, selector: str) -> str:
        return self.command(f"element/{self.find(selector)}/text", method="GET")

    def see(self, selector: str, words: str):
        """Waits until the element says these words."""
        def look():
            said = self.command(f"element/{self._now(selector)}/text", method="GET")
            if words not in said:
                raise Refused(f"{selector} says {said[:200]!r}, not {words!r}")

        self._until(f"{selector} says {words!r}", look)

    def has(self, selector: str) -> bool:
        return bool(self.command("elements", {"using": "css selector", "value": selector}))

    def run(self, script: str, *arguments):
        """Runs JavaScript in the page; its `return` value."""
        return self.command("execute/sync", {"script": script, "args": list(arguments)})

    @property
    def url(self) -> str:
        return self.command("url", method="GET")

    def picture(self, path: Path):
        path.write_bytes(base64.b64decode(self.command("screenshot", method="GET")))

    # --- waiting ----------------------------------------------------------------------------------------------------

    def _property(self, selector: str, name: str):
        return self.command(f"element/{self._now(selector)}/property/{name}", method="GET")

    def _now(self, selector: str) -> str:
        return self.command("element", {"using": "css selector", "value": selector})[ELEMENT]

    def _until(self, what: str, action):
        """Repeats what is refused until it is not."""
        deadline = time.monotonic() + self.within
        while True:
            try:
                return action()
            except Refused as refusal:
                assert time.monotonic() < deadline, f"not within {self.within:g} s: {what}: {refusal}\n{self.where()}"
                time.sleep(0.1)

    def where(self) -> str:
        """The page as it is when something is missed."""
        return f"at {self.url}: {self.run('return document.body ? document.body.innerText.slice(0, 1500) : null')}"
