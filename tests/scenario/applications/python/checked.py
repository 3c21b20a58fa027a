# SPDX-License-Identifier: Apache-2.0
"""Under wsgiref.validate, which raises for what a server, or the application, does against PEP 3333."""
from wsgiref.validate import validator


def answer(environ, start_response):
    size = 0
    if environ["REQUEST_METHOD"] == "POST":
        stream = environ["wsgi.input"]
        first, line, rest = stream.read(10), stream.readline(), stream.readlines()
        size = len(first) + len(line) + sum(map(len, rest)) + sum(map(len, stream))
    environ["wsgi.errors"].write("checked\n")
    environ["wsgi.errors"].flush()
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("X-Size", str(size))])
    write(b"written ")
    return (block for block in (b"and ", b"given ", str(size).encode()))


application = validator(answer)
