# SPDX-License-Identifier: Apache-2.0
"""What becomes of an exception that an application did not take: its text for the log and, while nothing of the
answer has left, a page. The page shows the exception where the server runs with --dev."""
import html
import os
import traceback

HEAD = "Status: 500 Internal Server Error\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%(title)s</title></head>
<body><h1>%(title)s</h1>%(rest)s</body></html>
"""


def report(kind, value, trace):
    text = "".join(traceback.format_exception(kind, value, trace))
    shown = os.environ.get("REMUDA_DEV") == "1"
    title = "".join(traceback.format_exception_only(kind, value)).strip() if shown else "Internal Server Error"
    rest = "<pre>%s</pre>" % html.escape(text) if shown else "<p>The application has failed.</p>"
    page = (PAGE % {"title": html.escape(title), "rest": rest}).encode("utf-8", "backslashreplace")
    return text.encode("utf-8", "backslashreplace"), (HEAD % len(page)).encode() + page
