#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The CGI environment as a page, and what the process looks like from inside."""

import html
import os
import pwd
import sys
import time


def rows(pairs):
    return "".join(f"<tr><td><code>{html.escape(str(name))}</code><td>{html.escape(str(value))}" for name, value in pairs)


process = [
    ("process id", os.getpid()),
    ("process group", os.getpgrp()),
    ("user", pwd.getpwuid(os.getuid()).pw_name),
    ("directory", os.getcwd()),
    ("arguments", sys.argv[1:] or "none; a query is never one"),
    ("milliseconds of CPU so far", round(time.process_time() * 1000, 1)),
]
environment = ((name, os.fsencode(value).decode("utf-8", "replace")) for name, value in sorted(os.environ.items()))

sys.stdout.reconfigure(encoding="utf-8")
print("Content-Type: text/html; charset=utf-8\n")
print(f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>The CGI environment, in Python</title>
<link rel="stylesheet" href="/tour.css"><main><h2>The CGI environment, in Python</h2>
<table>{rows(environment)}</table><h2>The process</h2><table>{rows(process)}</table>
<p>Load it again: another process. <a href="/">Back to the tour</a></p></main></html>""")
