#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A form. POST reads the body that the server hands over on standard input, and redirects to a page to look at."""

import html
import os
import sys
from urllib.parse import parse_qs, quote

LARGEST = 64 * 1024

if os.environ["REQUEST_METHOD"] == "POST":
    length = min(int(os.environ.get("CONTENT_LENGTH") or 0), LARGEST)
    fields = parse_qs(sys.stdin.buffer.read(length).decode("utf-8", "replace"))
    name = fields.get("name", ["nobody"])[0]
    print(f"Status: 303 See Other\nLocation: {os.environ['SCRIPT_NAME']}?name={quote(name)}\n"
          "Content-Type: text/plain\n\nThank you.")
    sys.exit()

name = parse_qs(os.environ["QUERY_STRING"]).get("name", [""])[0]
greeting = f"<p>Good day, <strong>{html.escape(name)}</strong>.</p>" if name else "<p>Who rides today?</p>"
sys.stdout.reconfigure(encoding="utf-8")
print(f"""Content-Type: text/html; charset=utf-8

<!doctype html><html lang="en"><meta charset="utf-8"><title>A form</title>
<link rel="stylesheet" href="/tour.css"><main><h2>A form</h2>{greeting}
<form method="post" action="{html.escape(os.environ['SCRIPT_NAME'])}">
<label>Your name <input name="name" required maxlength="80"></label><button>Saddle up</button></form>
<p><a href="/">Back to the tour</a></p></main></html>""")
