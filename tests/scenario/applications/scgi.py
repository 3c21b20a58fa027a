#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scgi.py SOCKET: the application of the FastCGI scenarios by SCGI. The last part of PATH_INFO says what to do.

Strict about what SCGI is strict about: CONTENT_LENGTH comes first and is exact, SCGI is 1, names come once.
"""

import os
import socket
import sys
import threading
import time

TEXT = "Content-Type: text/plain\r\n"


def variables_of(stream) -> dict[str, str]:
    length = b""
    while not length.endswith(b":"):
        length += stream.read(1)
    parts = stream.read(int(length[:-1])).split(b"\0")
    assert stream.read(1) == b"," and parts.pop() == b"" and parts[0] == b"CONTENT_LENGTH", parts
    found = {name.decode(): value.decode("latin-1") for name, value in zip(parts[::2], parts[1::2], strict=True)}
    assert found["SCGI"] == "1" and len(found) == len(parts) // 2, parts
    return found


def answer(stream):
    variables = variables_of(stream)
    query, what = variables["QUERY_STRING"], variables.get("PATH_INFO", "").rsplit("/", 1)[-1]
    say = lambda words: stream.write(words.encode("latin-1"))  # noqa: E731
    if what == "environment":
        say(f"{TEXT}\r\nPID={os.getpid()}\n" + "".join(f"{name}={value}\n" for name, value in variables.items()))
    elif what == "echo":
        body = stream.read(int(variables["CONTENT_LENGTH"]))
        say(f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n")
        stream.write(body)
    elif what == "big":
        say(TEXT + "\r\n")
        for left in range(int(query), 0, -65536):
            stream.write(b"x" * min(left, 65536))
    elif what == "slow":
        time.sleep(int(query) / 1000)
        say(f"{TEXT}\r\n{os.getpid()}\n")
    else:
        say({
            "status": f"Status: 418 Short and stout\r\n{TEXT}\r\ntea\n",
            "redirect": f"Location: http://elsewhere.example/{query}\r\n\r\n",
            "local": "Location: /page.html\r\n\r\n",
        }.get(what, f"{TEXT}\r\nhello\n"))


def serve(connection):
    with connection, connection.makefile("rwb") as stream:
        try:
            answer(stream)
            stream.flush()
        except (BrokenPipeError, ConnectionResetError):
            pass


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen(100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
