# SPDX-License-Identifier: Apache-2.0
"""WordPress from its Debian package, on php-cgi and on type php, with MariaDB, used by a person at a real browser.

Installed, logged in, a post written, a picture uploaded, the post read by a visitor. Files of the site are served as
files, scripts go to PHP, and every other name to index.php, since the addresses of posts name no file.
"""

import os
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from applications import owner_lines
from browser import Browser
from harness import IS_ROOT, needs
from mariadb import MariaDb

WORDPRESS = Path("/usr/share/wordpress")
THEME = WORDPRESS / "wp-content/themes/twentytwentythree"
PASSWORD = "correct horse battery staple"

SETTINGS = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
define('WP_DEBUG', true);
define('WP_DEBUG_DISPLAY', false);
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
          'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $name) define($name, 'only for this test ' . $name);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""

# WordPress knows only of httpd and nginx that they can name posts without index.php; and there is nobody to send mail to.
PLUGIN = """<?php
add_filter('got_url_rewrite', '__return_true');
add_filter('pre_wp_mail', '__return_true');
"""

CONFIGURATION = """
    {owner}
    [[route]]
    path = "/"
    files = "site"
    index = ["index.html"]
    app = "wordpress"
    [app.wordpress]
    model = "pool"
    root = "site"
    fallback = "/index.php"
    instances = {{ min = 1, max = 4, max_requests = 400 }}
    {php}
"""

PHP = {
    "php-cgi": """
    type = "fastcgi"
    program = "/usr/bin/php-cgi"
    arguments = ["-dupload_max_filesize=16M", "-derror_log=/dev/stderr"]
    scripts = [".php"]
    index = ["index.php"]
    environment = { PHP_FCGI_MAX_REQUESTS = "0" }""",
    "php": """
    type = "php"
    arguments = ["-d", "upload_max_filesize=16M"]""",
}


def picture(width: int, height: int) -> bytes:
    """A PNG of a gradient, large enough that WordPress makes smaller ones of it."""
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(byte for x in range(width) for byte in (x * 255 // width, y * 255 // height, 90))
                    for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows, 1)) + part(b"IEND", b"")


def put_up_site(place, database: MariaDb):
    """The package's files with settings of their own: the package keeps its settings in /etc."""
    shutil.copytree(WORDPRESS, place / "site", ignore_dangling_symlinks=True,
                    ignore=shutil.ignore_patterns("wp-config.php", ".htaccess"))
    place.file("site/wp-config.php", SETTINGS.replace("{socket}", str(database.socket)))
    place.file("site/wp-content/mu-plugins/here.php", PLUGIN)
    place.directory("site/wp-content/uploads")
    if IS_ROOT:
        for folder, _, names in os.walk(place / "site/wp-content"):
            for name in [".", *names]:
                shutil.chown(os.path.join(folder, name), "www-data", "www-data")


@pytest.fixture(params=PHP)
def server(request, start, place):
    with MariaDb(place, "wordpress") as database:
        put_up_site(place, database)
        server = start(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"'), php=PHP[request.param]))
        server.database = database
        server.counting = False  # the browser decides how many requests it makes
        yield server
        server.finish()


def install(browser: Browser, url: str):
    """The famous five minutes."""
    browser.open(f"{url}/wp-admin/install.php")
    if browser.has("#language-continue"):
        browser.click("#language-continue")
    browser.fill({"#weblog_title": "Remuda's herd", "#user_login": "keeper", "#pass1": PASSWORD,
                  "#admin_email": "keeper@example.org"})
    browser.click("#submit")
    browser.see("h1", "Success")


def log_in(browser: Browser, url: str):
    browser.open(f"{url}/wp-login.php")
    browser.fill({"#user_login": "keeper", "#user_pass": PASSWORD})
    browser.click("#wp-submit")
    browser.find("#wpadminbar")
    browser.see("h1", "Dashboard")


def name_posts_by_title(browser: Browser, url: str):
    """Addresses like /2026/11/21/title/: then the front controller is needed."""
    browser.open(f"{url}/wp-admin/options-permalink.php")
    browser.click("input[name=selection][value*=postname]")
    browser.click("#submit")
    browser.find("#setting-error-settings_updated")


def upload(browser: Browser, url: str, path: Path):
    browser.open(f"{url}/wp-admin/media-new.php?browser-uploader")
    browser.type("#async-upload", str(path))
    browser.click("#html-upload")
    browser.see("h1", "Media Library")  # whoever leaves before breaks the upload off
    browser.open(f"{url}/wp-admin/upload.php?mode=list")
    browser.find(".media-icon img")


def write_post(browser: Browser, url: str, title: str, words: str) -> str:
    """In the block editor; the address of the post."""
    browser.open(f"{url}/wp-admin/post-new.php")
    browser.find(".editor-post-title__input")
    browser.run("wp.data.dispatch('core/edit-post').toggleFeature('welcomeGuide')")
    browser.type(".editor-post-title__input", title + "\ue007")  # Enter: on to the first paragraph
    browser.type(".block-editor-rich-text__editable.wp-block-paragraph, p.wp-block-paragraph", words)
    browser.click(".editor-post-publish-panel__toggle")
    browser.click(".editor-post-publish-panel .editor-post-publish-button")
    browser.find(".post-publish-panel__postpublish a")
    return browser.run("return wp.data.select('core/editor').getPermalink()")


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs("php-cgi", "mariadbd", "chromium", "chromedriver", str(WORDPRESS), str(THEME))
def test_wordpress(server, place):
    """Done when: installed, logged in, a post written, an upload made, by a browser test in headless Chromium."""
    place.file("herd.png", picture(1600, 1200))
    with Browser(place) as browser:
        install(browser, server.url)
        log_in(browser, server.url)
        name_posts_by_title(browser, server.url)
        upload(browser, server.url, place / "herd.png")
        address = write_post(browser, server.url, "Saddled & ready", "Every rider has a horse at once.")
        browser.picture(place / "editor.png")
        browser.open(address)
        browser.see("h1, h2.wp-block-post-title", "Saddled & ready")
        browser.see(".entry-content, .wp-block-post-content", "Every rider has a horse at once.")
        browser.picture(place / "post.png")
    keep_pictures(place)
    check_upload(server, place)
    check_answers(server, address)


def keep_pictures(place):
    """For whoever wants to look: SCENARIO_PICTURES names a folder."""
    folder = os.environ.get("SCENARIO_PICTURES")
    for path in place.path.glob("*.png") if folder else []:
        shutil.copy(path, folder)


def check_upload(server, place):
    """The picture and the smaller ones that PHP made of it are served as files."""
    found = sorted((place / "site/wp-content/uploads").rglob("herd*.png"))
    assert len(found) >= 4, found
    for path in found:
        answer = server.get("/" + str(path.relative_to(place / "site")))
        assert answer.status == 200 and answer["Content-Type"] == "image/png" and answer.body == path.read_bytes()
    assert server.database.value("SELECT COUNT(*) FROM wp_posts WHERE post_type = 'attachment'") == "1"


def check_answers(server, address: str):
    """What a browser does not ask: sources stay secret, unknown names are WordPress's own, nothing failed meanwhile."""
    host = f"127.0.0.1:{server.port}"  # WordPress sends whoever names it otherwise to its own address
    path = address.removeprefix(server.url)
    assert path.startswith("/20") and server.get(path, host=host).status == 200
    assert "Saddled &#038; ready" in server.get("/feed/", host=host).text
    missing = server.get("/there/is/no/such/page/", host=host)
    assert missing.status == 404 and "Remuda" in missing.text
    for source in ("/wp-config.php", "/wp-includes/version.php"):
        assert b"<?php" not in server.get(source).body
    assert server.get("/wp-admin/", host=host).status == 302
    failed = [line for line in server.access() if line["status"] >= 500 and line["complete"]]  # a browser leaves at times
    assert not failed, failed
