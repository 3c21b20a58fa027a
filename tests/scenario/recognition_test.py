# SPDX-License-Identifier: Apache-2.0
"""remuda serve DIR: what a directory holds is found, said and served, and so is the configuration that is printed."""

import pytest

import harness
from applications import compiled, compiled_with_library, copied
from harness import needs, run

EXPRESS = """
process.env.NODE_PATH = '/usr/share/nodejs';
require('module').Module._initPaths();
const express = require('express');
const app = express();
app.get('/where', (request, response) => response.send(`express in ${process.cwd()}`));
"""
LISTENS = "app.listen(process.env.PORT || 3000, () => console.log('listening'));\n"
WWW = """#!/usr/bin/env node
const app = require('../app');
require('http').createServer(app).listen(process.env.PORT || 3000);
"""
EXPORTS = "module.exports = app;\n"


def plain_node(place):
    place.file("site/server.js", EXPRESS + LISTENS)
    return "site", "a Node.js application (server.js)"


def node_package(place):
    place.file("site/package.json", '{"name": "site", "main": "lib/main.js", "scripts": {"start": "NODE_ENV=x node ."}}')
    place.file("site/lib/main.js", EXPRESS + LISTENS)
    return "site", "a Node.js application (lib/main.js)"


def express_generator(place):
    place.file("site/package.json", '{"name": "site", "private": true, "scripts": {"start": "node ./bin/www"}}')
    place.file("site/app.js", EXPRESS + EXPORTS)
    place.file("site/bin/www", WWW, 0o755)
    place.file("site/public/index.js", "document.body.listen(1)")
    return "site", "a Node.js application (bin/www)"


def libfcgi(place):
    place.directory("site")
    compiled(place, "application", output="site/hello")
    place.file("site/README", "of libfcgi.so")
    return "site", "a FastCGI program (hello)"


def static_libfcgi(place):
    place.directory("site")
    compiled(place, "application", "-static", "-lfcgi", output="site/hello")
    return "site", "a FastCGI program (hello)"


def library(place):
    place.directory("site")
    place.file("site/echo", compiled_with_library(place, "library").read_bytes(), 0o755)
    return "site", "a FastCGI program (echo)"


def perl_script(place):
    copied(place, "application.pl", "site/dispatch.fcgi")
    return "site", "a FastCGI program (dispatch.fcgi)"


def one_of_several(place):
    for name in ("a.fcgi", "b.fcgi"):
        copied(place, "application.pl", f"site/{name}")
    return "site/b.fcgi", "a FastCGI program (b.fcgi)"


NODE = [plain_node, node_package, express_generator]
FASTCGI = [libfcgi, static_libfcgi, library, perl_script, one_of_several]

pytestmark = needs("node", "/usr/share/nodejs/express", "/usr/include/fcgiapp.h", "/usr/share/perl5/FCGI/Async.pm")


@pytest.fixture
def serve(start, place):
    place.path.chmod(0o755)

    def begin(path: str, how: str):
        port = harness.free_port()
        listen = ["--listen", f"127.0.0.1:{port}"]
        if how == "directory":
            arguments = ["serve", str(place / path), *listen]
        else:
            printed = run("serve", str(place / path), "--print-config")
            assert printed.returncode == 0, printed.stderr
            arguments = ["serve", "-c", str(place.file("printed.toml", printed.stdout)), *listen]
        server = start(port=port, arguments=arguments)
        server.counting = False
        return server

    return begin


@pytest.mark.parametrize("how", ["directory", "printed"])
@pytest.mark.parametrize("site", NODE, ids=lambda site: site.__name__)
def test_applications_of_node(serve, place, site, how):
    path, what = site(place)
    server = serve(path, how)
    assert server.get("/where").text == f"express in {place / path}"
    if how == "directory":
        assert f"{place / path} is {what}" in server.errors()
        assert "(http, pool)" in server.errors()


@pytest.mark.parametrize("how", ["directory", "printed"])
@pytest.mark.parametrize("site", FASTCGI, ids=lambda site: site.__name__)
def test_fastcgi_programs(serve, place, site, how):
    path, what = site(place)
    server = serve(path, how)
    assert server.get("/environment").status == 200
    assert server.get("/README").text != "of libfcgi.so"
    if how == "directory":
        assert f"{place / path} is {what}" in server.errors()
        assert "(fastcgi, pool)" in server.errors()


def test_what_is_not_clear_is_asked_for(place):
    one_of_several(place)
    refused = run("serve", str(place / "site"))
    assert refused.returncode == 1 and f"{place.path}/site holds several FastCGI programs: a.fcgi, b.fcgi" in refused.stderr
    assert f"remuda serve {place.path}/site/a.fcgi" in refused.stderr
    (place / "site/b.fcgi").unlink()
    (place / "site/a.fcgi").chmod(0o644)
    refused = run("serve", str(place / "site"))
    assert refused.returncode == 1 and "chmod +x" in refused.stderr


def test_files_that_only_look_like_it_are_files(serve, place):
    """A site that is built with Node.js, and a program that is offered for download."""
    place.file("site/package.json", '{"scripts": {"start": "vite", "build": "vite build"}, "main": "index.js"}')
    place.file("site/index.js", "window.addEventListener('load', () => 1)")
    place.file("site/true", open("/bin/true", "rb").read(), 0o755)
    server = serve("site", "directory")
    assert "addEventListener" in server.get("/index.js").text
    assert server.get("/true").status == 200
