# SPDX-License-Identifier: Apache-2.0
"""A WSGI application for a server of its own: what a request was."""

import json
import os


def app(environ, start_response):
    size = len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    told = {"url": environ["RAW_URI"], "method": environ["REQUEST_METHOD"], "size": size, "pid": os.getpid(),
            "headers": headers}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
