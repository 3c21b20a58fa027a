#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Answers everything below /compass/: the rest of the path is PATH_INFO, and every page is made by this one file."""

import html
import os
import sys

NAMES = ["north", "east", "south", "west"]
SCRIPT = os.environ["SCRIPT_NAME"]
place = os.environ.get("PATH_INFO", "/").strip("/")

sys.stdout.reconfigure(encoding="utf-8")
if place not in NAMES:
    print("Status: 404 Not Found")
    body = f"<p>There is no way to <strong>{html.escape(place or 'nowhere')}</strong>.</p>"
else:
    turn = NAMES.index(place)
    body = f"""<svg viewBox="0 0 100 100" width="180" role="img" aria-label="{place}">
<circle cx="50" cy="50" r="46" fill="none" stroke="currentColor" stroke-width="2"/>
<path d="M50 10 60 50 50 90 40 50z" fill="#9a4a1c" transform="rotate({turn * 90} 50 50)"/></svg>
<p>You ride <strong>{place}</strong>. <code>SCRIPT_NAME</code> is <code>{html.escape(SCRIPT)}</code>,
<code>PATH_INFO</code> is <code>/{place}</code>.</p>"""
links = " ".join(f'<a href="{html.escape(SCRIPT)}/{name}">{name}</a>' for name in NAMES)
print(f"""Content-Type: text/html; charset=utf-8

<!doctype html><html lang="en"><meta charset="utf-8"><title>A compass</title>
<link rel="stylesheet" href="/tour.css"><main><h2>A compass</h2>{body}<p>{links}</p>
<p><a href="/">Back to the tour</a></p></main></html>""")
