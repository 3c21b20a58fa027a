# SPDX-License-Identifier: Apache-2.0
"""The smallest WSGI application that looks at its request: what is measured is the server."""


def application(environ, start_response):
    body = b"hello " + environ.get("QUERY_STRING", "").encode() + b"\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
