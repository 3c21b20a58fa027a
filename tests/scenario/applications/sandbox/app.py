# SPDX-License-Identifier: Apache-2.0
"""attempts.py as a WSGI application."""

import json
from urllib.parse import unquote

from attempts import attempt


def application(environ, start_response):
    words = [unquote(part) for part in environ["QUERY_STRING"].split("&")]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([attempt(word) for word in words]).encode()]
