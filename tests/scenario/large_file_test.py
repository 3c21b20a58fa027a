# SPDX-License-Identifier: Apache-2.0
"""A file of 2 GiB, downloaded in ranges with curl, and its checksum compared. Done when, second point."""

import hashlib
import os
import subprocess

import pytest

from harness import needs

GIBIBYTE = 1 << 30
SIZE = 2 * GIBIBYTE + 12345
PIECES = 8


@pytest.fixture
def large(place):
    """Sparse, with random pieces at the borders where something could go wrong."""
    path = place.file("site/large.iso")
    with open(path, "r+b") as file:
        for offset in (0, (1 << 16) - 7, GIBIBYTE - 100, (1 << 31) - 100, (1 << 31) + 50, SIZE - (1 << 20)):
            file.seek(offset)
            file.write(os.urandom(1 << 20 if offset == SIZE - (1 << 20) else 1 << 10))
        file.truncate(SIZE)
    return path


def digest(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


@pytest.mark.slow
@needs("curl")
def test_two_gibibytes_by_ranges(start, place, large):
    server = start('[[route]]\nfiles = "site"')
    url = server.url + "/large.iso"
    target = place / "copy"
    bounds = [SIZE * piece // PIECES for piece in range(PIECES + 1)]
    with open(target, "wb") as whole:
        for first, after in zip(bounds, bounds[1:]):
            server.count()
            ended = subprocess.run(["curl", "-sS", "--fail", "-r", f"{first}-{after - 1}", "-w", "%{stderr}%{http_code}", url],
                                   stdout=whole, stderr=subprocess.PIPE, text=True, timeout=100)
            assert ended.returncode == 0 and ended.stderr == "206", ended.stderr
    assert os.path.getsize(target) == SIZE
    assert digest(target) == digest(large)
    os.remove(target)
    sent = [line["content"] for line in server.wait_for_access()]
    assert sum(sent) == SIZE


@needs("curl")
def test_download_that_broke_off_is_resumed(start, place, large):
    """curl -C: the second half, after the first client had left in the middle."""
    server = start('[[route]]\nfiles = "site"')
    partial = place / "partial"
    partial.write_bytes(b"")
    os.truncate(partial, SIZE - 5_000_000)
    server.count()
    ended = subprocess.run(["curl", "-sS", "--fail", "-C", "-", "-o", str(partial), server.url + "/large.iso"],
                           capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    with open(partial, "rb") as ours, open(large, "rb") as theirs:
        ours.seek(SIZE - 5_000_000)
        theirs.seek(SIZE - 5_000_000)
        assert ours.read() == theirs.read()


def test_file_that_changes_while_it_is_sent(start, place):
    """Truncated, replaced, deleted: exactly Content-Length bytes or an ended connection; nobody dies."""
    path = place.file("site/changing", b"a" * (64 << 20))
    server = start('[[route]]\nfiles = "site"')
    worker = server.worker()
    for change in (lambda: os.truncate(path, 1000), lambda: os.remove(path),
                   lambda: (place.file("site/new", b"b" * 100), os.rename(place / "site/new", path))):
        path.write_bytes(b"a" * (64 << 20))
        with server.connect(receive_buffer=4096) as connection:
            server.count()
            connection.send(b"GET /changing HTTP/1.1\r\nHost: test\r\n\r\n")
            head = connection.read_head()
            change()
            length, got = int(head["Content-Length"]), len(connection.buffer)
            connection.buffer = b""
            try:
                while got < length and (piece := connection.socket.recv(1 << 20)):
                    got += len(piece)
            except ConnectionError:
                pass
            assert got <= length
    assert server.worker() == worker
