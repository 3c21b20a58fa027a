# SPDX-License-Identifier: Apache-2.0
"""examples/tour: its configuration is good, and every link on it leads somewhere."""

import os
import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest

from harness import REPOSITORY, run

TOUR = REPOSITORY / "examples/tour"


@pytest.fixture(scope="module")
def server(shared):
    text = (TOUR / "remuda.toml").read_text()
    text = re.sub(r'(?ms)^\[\[listener\]\].*?^address.*?$', "", text)
    text = re.sub(r'(?m)^(\[log\]\n(?:^(?!\[).*\n)*)', "", text)
    for name in re.findall(r'(?m)^(?:files|root|program|error_pages) = "([^"/][^"]*)"', text):
        text = text.replace(f'"{name}"', f'"{TOUR / name}"')
    return shared(text)


def links_of(server, page: str, text: str) -> set[str]:
    found = set()
    for link in re.findall(r'(?:href|src|action)="([^"#][^"]*)"', text):
        parts = urlsplit(urljoin(server.url + page, unescape(link)))
        if parts.netloc == f"127.0.0.1:{server.port}":
            found.add(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found


def test_configuration_is_good(program):
    ended = run("check", "-c", str(TOUR / "remuda.toml"))
    assert ended.returncode == 0, ended.stderr


def test_programs_are_executable():
    for path in (TOUR / "cgi-bin").iterdir():
        assert os.access(path, os.X_OK), path


def test_every_link_leads_somewhere(server):
    """The whole tour, followed from its first page. A link whose text says that it fails, fails as it says."""
    seen, open_ends, expected = set(), ["/"], {}
    while open_ends:
        page = open_ends.pop()
        if page in seen:
            continue
        seen.add(page)
        answer = server.get(page, "Accept: text/html")
        want = expected.get(page, {200})
        if answer.status in (301, 302, 303, 307, 308):
            open_ends += links_of(server, page, f'href="{answer["Location"]}"')
            continue
        assert answer.status in want, (page, answer.status, answer.text[:1000])
        if answer["Content-Type"].startswith("text/html") and answer.status == 200:
            for link, status in re.findall(r'href="([^"]+)" data-status="(\d+)"', answer.text):
                for target in links_of(server, page, f'href="{link}"'):
                    expected[target] = {int(status)}
            open_ends += links_of(server, page, answer.text)
    assert len(seen) > 12, seen


def test_precompressed_sibling(server):
    answer = server.get("/tour.css", "Accept-Encoding: gzip")
    assert answer["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("program_name", ["environment.sh", "environment.py", "environment.pl"])
def test_environment_pages(server, program_name):
    """Each language shows the CGI environment, with what came from outside escaped."""
    answer = server.get(f"/cgi-bin/{program_name}/path/info?<script>=1", "X-Own: <b>&")
    assert answer.status == 200, answer
    assert "<script>" not in answer.text and "<b>&" not in answer.text
    for text in ("GATEWAY_INTERFACE", "CGI/1.1", "/path/info", "&lt;script&gt;=1", "&lt;b&gt;&amp;"):
        assert text in answer.text, text
