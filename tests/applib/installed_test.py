# SPDX-License-Identifier: Apache-2.0
"""The library as it is installed: pkg-config file, shared library, manual page, and the examples made against them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import EXAMPLES, LIBRARY, SANITIZERS

import harness

HEADER = harness.REPOSITORY / "include" / "remuda_app.h"
FOR_LOADERS = HEADER.with_name("remuda_template.h")
MANUAL = harness.REPOSITORY / "lang" / "applib" / "remuda_app.3"
BUILD = Path(LIBRARY).parents[2]
installs = pytest.mark.skipif(any(word in LIBRARY for word in SANITIZERS), reason="sanitized libraries are not installed")


def output_of(*command, **options) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed():
    """A prefix with the library in it, which every user can enter."""
    place = harness.Place()
    output_of("cmake", "--install", BUILD, "--component", "remuda_app", "--prefix", place / "prefix")
    yield place / "prefix"
    place.remove()


@pytest.fixture(scope="module")
def libraries(installed) -> Path:
    return next(installed.glob("**/libremuda_app.so")).parent


@pytest.fixture(scope="module")
def made(installed, libraries) -> Path:
    """The folder of the examples, made as examples/applib/Makefile makes them."""
    folder = installed / "examples"
    folder.mkdir()
    for source in [EXAMPLES / "Makefile", *EXAMPLES.glob("*.c"), *EXAMPLES.glob("*.cc")]:
        shutil.copy(source, folder)
    output_of("make", "-C", folder, "CC=clang-19", "CXX=clang++-19",
              env={**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig")})
    return folder


@installs
def test_what_is_installed(installed, libraries):
    found = {str(path.relative_to(installed)) for path in installed.rglob("*") if "examples" not in path.parts}
    folder = str(libraries.relative_to(installed))
    assert {"include/remuda_app.h", "include/remuda_template.h", "share/man/man3/remuda_app.3", f"{folder}/libremuda_app.a",
            f"{folder}/libremuda_app.so.1", f"{folder}/pkgconfig/remuda_app.pc"} <= found


@installs
def test_it_needs_the_c_library_alone(libraries):
    lines = output_of("ldd", libraries / "libremuda_app.so.1").splitlines()
    needed = {Path(line.split()[0]).name.partition(".")[0] for line in lines}
    assert {name for name in needed if not name.startswith("ld-linux")} == {"libc", "linux-vdso"}


@installs
def test_it_exports_what_the_header_declares(libraries):
    lines = output_of("nm", "-D", "--defined-only", libraries / "libremuda_app.so.1").splitlines()
    assert {line.split()[-1] for line in lines} == declared(HEADER, FOR_LOADERS)


@installs
def test_an_authorizer_and_a_filter(made, libraries, start, place):
    place.file("texts/word.txt", "quiet, please\n")
    place.file("texts/long.txt", "abcdefgh" * 100_000)
    server = start(f"""
        [app.guard]
        type = "fastcgi"
        role = "authorizer"
        program = "{made}/authorizer"
        pass_authorization = true
        environment = {{ TOKEN = "open sesame", LD_LIBRARY_PATH = "{libraries}" }}
        [app.shout]
        type = "fastcgi"
        role = "filter"
        program = "{made}/filter"
        environment = {{ LD_LIBRARY_PATH = "{libraries}" }}
        [[route]]
        path = "/private/"
        files = "texts"
        authorize = "guard"
        [[route]]
        path = "/loud/"
        files = "texts"
        filter = "shout"
    """)
    refused = server.get("/private/word.txt", "Authorization: Bearer open")
    assert (refused.status, refused["WWW-Authenticate"], refused.text) == (401, "Bearer", "Not without the word.\n")
    assert server.get("/private/word.txt", "Authorization: Bearer open sesame").text == "quiet, please\n"
    loud = server.get("/loud/word.txt")
    assert (loud.status, loud.text) == (200, "QUIET, PLEASE\n") and loud["Last-Modified"]
    assert server.get("/loud/long.txt").body == b"ABCDEFGH" * 100_000


# --- the manual page


def declared(*headers: Path) -> set[str]:
    """The functions of the headers."""
    text = "".join(header.read_text() for header in headers)
    return set(re.findall(r"^REMUDA_API\b[^;]*?\b(remuda_\w+)\(", text, re.MULTILINE))


def section(name: str) -> str:
    return re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH)", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]


def test_the_synopsis_has_every_function():
    assert len(declared(HEADER)) > 30
    assert set(re.findall(r"\b(remuda_\w+)\(", section("SYNOPSIS"))) == declared(HEADER)


def test_the_options_are_those_of_the_header():
    fields = re.search(r"typedef struct remuda_options \{(.*?)\} remuda_options;", HEADER.read_text(), re.DOTALL)[1]
    names = set(re.findall(r"^\s+\w[\w ]* (\w+);", fields, re.MULTILINE)) - {"size"}
    assert len(names) > 8
    assert names <= set(re.findall(r"\w+", section("OPTIONS")))


def test_the_errors_are_those_of_the_header():
    wanted = set(re.findall(r"\bE[A-Z]{4,}\b", HEADER.read_text()))
    assert wanted == set(re.findall(r"\bE[A-Z]{4,}\b", section("ERRORS")))


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")
def test_the_manual_page_is_sound():
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l", MANUAL], capture_output=True,
                          text=True)
    assert done.returncode == 0 and done.stderr == ""
