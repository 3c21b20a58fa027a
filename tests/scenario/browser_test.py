# SPDX-License-Identifier: Apache-2.0
"""A directory served to a real browser: headless Chromium. Done when, second point."""

import base64
import re
import subprocess

import pytest

from harness import needs

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>before</title>
<link rel="stylesheet" href="style.css"><script src="script.js" defer></script></head>
<body><h1 id="words">Grüße</h1><img id="drawing" src="drawing.svg"><img id="pixel" src="pixel.png">
<p id="font">font</p></body></html>"""

SCRIPT = """
addEventListener('load', async () => {
  const says = [];
  says.push(getComputedStyle(document.getElementById('words')).color);
  says.push(document.getElementById('drawing').naturalWidth, document.getElementById('pixel').naturalWidth);
  says.push((await (await fetch('data.json')).json()).answer);
  const posted = await fetch('/cgi-bin/echo', {method: 'POST', body: 'from the browser'});
  says.push(await posted.text());
  const font = await fetch('face.woff2');
  says.push(font.headers.get('Content-Type'));
  const module = await import('./module.mjs');
  says.push(module.answer);
  const part = await fetch('data.json', {headers: {Range: 'bytes=0-0'}});
  says.push(part.status);
  document.title = 'done';
  document.body.setAttribute('data-says', says.join('|'));
});
"""


def chromium(place, *arguments: str, within: float = 60) -> str:
    """Runs a headless browser, which finds nobody but the server under test."""
    ended = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
         "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
         f"--user-data-dir={place / 'profile'}", "--virtual-time-budget=8000", *arguments],
        capture_output=True, timeout=within, cwd=place.path, env={"PATH": "/usr/bin:/bin", "HOME": str(place.path)})
    return ended.stdout.decode("utf-8", "replace")


@pytest.fixture
def server(start, place):
    place.file("site/page/index.html", PAGE)
    place.file("site/page/style.css", "#words { color: rgb(1, 2, 3); }")
    place.file("site/page/script.js", SCRIPT)
    place.file("site/page/module.mjs", "export const answer = 'module';")
    place.file("site/page/data.json", '{"answer": 42}')
    place.file("site/page/pixel.png", PIXEL)
    place.file("site/page/face.woff2", b"wOF2")
    place.file("site/page/drawing.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
                                        '<circle cx="10" cy="10" r="9"/></svg>')
    place.script("echo", r"printf 'Content-Type: text/plain; charset=utf-8\n\n'; exec cat")
    server = start("""
        [[route]]
        path = "/cgi-bin/"
        app = "programs"
        [[route]]
        files = "site"
        listing = "auto"
        [app.programs]
        root = "cgi-bin"
    """)
    server.counting = False  # the browser decides how many requests it makes
    return server


@pytest.mark.slow
@needs("chromium")
def test_page_with_everything(server, place):
    """Page, stylesheet, script, module, images, fetch, POST to a CGI program, a range: all as a browser wants them."""
    document = chromium(place, "--dump-dom", server.url + "/page/")
    says = re.search(r'data-says="([^"]*)"', document)
    assert says, document or server.errors()
    assert says[1].split("|") == ["rgb(1, 2, 3)", "20", "1", "42", "from the browser", "font/woff2", "module", "206"]
    lines = server.access()
    assert {line["status"] for line in lines if "favicon" not in line["target"]} <= {200, 206, 304}


@pytest.mark.slow
@needs("chromium")
def test_listing_is_a_page(server, place):
    document = chromium(place, "--dump-dom", server.url + "/")
    assert re.search(r'<a[^>]* href="[^"]*page/"', document), document
    picture = place / "listing.png"
    chromium(place, f"--screenshot={picture}", "--window-size=800,600", server.url + "/")
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 3000
