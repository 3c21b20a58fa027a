# SPDX-License-Identifier: Apache-2.0
"""Programs written with remuda_app.h, driven record by record: multiplexing, bodies, aborts, ends."""

import fcntl
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import fastcgi
import pytest
from fastcgi import Connection, begin, pairs, record, request, stream
from processes import eventually


def test_many_requests_over_one_connection_in_any_order(application):
    with Connection(application("responder").path) as connection:
        numbers = list(range(1, 200))
        random.shuffle(numbers)
        connection.send(*(begin(number) for number in numbers))
        random.shuffle(numbers)
        connection.send(*(stream(fastcgi.PARAMS, number, pairs({"N": str(number), "L" * 300: "v"}), 7)
                          for number in numbers))
        connection.send(*(record(fastcgi.STDIN, number) for number in numbers))
        for number, answer in zip(numbers, connection.until_ended(*numbers)):
            assert answer.body.startswith(b"N=%d\n" % number) and answer.status == 0


def test_record_by_record_and_byte_by_byte(application):
    with Connection(application("responder").path) as connection:
        for byte in request(1, {"CONTENT_LENGTH": "3"}, b"abc"):
            connection.send(bytes([byte]))
        assert connection.until_ended(1)[0].body == b"abc"


def test_connections_come_and_go(application):
    served = application("responder")
    for number in range(300):
        with Connection(served.path) as connection:
            assert connection.ask(1, {"N": str(number)}, keep=number % 2 == 0).body == b"N=%d\n" % number
            assert number % 2 == 0 or connection.record() is None, "the connection is closed after the answer"


def test_a_body_of_100_megabytes_both_ways(application):
    served = application("responder")
    body = os.urandom(100_000_000)
    with Connection(served.path) as connection:
        sender = threading.Thread(target=connection.send, args=(
            request(1, {"CONTENT_LENGTH": str(len(body))}, body),))
        sender.start()
        answer = connection.until_ended(1)[0]
        sender.join()
    assert answer.body == body
    assert served.memory() < 64_000_000


def test_two_bodies_interleaved_while_the_program_reads_one(application):
    served = application("responder", environment={"TMPDIR": "/var/tmp"})
    bodies = {number: os.urandom(3_000_000) for number in (1, 2)}
    with Connection(served.path) as connection:
        connection.send(*(begin(n) + stream(fastcgi.PARAMS, n, pairs({"CONTENT_LENGTH": "3000000"})) for n in bodies))

        def send():
            for at in range(0, 3_000_000, 30_000):
                for number in (2, 1):  # the program reads 1, of which nothing comes before as much of 2 has come
                    connection.send(record(fastcgi.STDIN, number, bodies[number][at:at + 30_000]))
            connection.send(record(fastcgi.STDIN, 1), record(fastcgi.STDIN, 2))

        sender = threading.Thread(target=send)
        sender.start()
        first, second = connection.until_ended(1, 2)
        sender.join()
    assert first.body == bodies[1] and second.body == bodies[2]


def test_a_slow_reader_does_not_hold_up_others(application):
    served = application("stream")
    with Connection(served.path) as connection:
        connection.send(request(1, {"QUERY_STRING": "bytes=100000000"}))
        time.sleep(0.2)  # the program can write no more
        started = time.monotonic()
        connection.send(*(request(number, {"QUERY_STRING": "bytes=100"}) for number in range(2, 50)))
        while not all(number in connection.answers and connection.answers[number].status == 0
                      for number in range(2, 50)):
            assert connection.take()
        taken = len(connection.answers[1].output)
        assert taken < 2_000_000, f"{taken} bytes of the big answer came before the small ones"
        assert time.monotonic() - started < 5
        assert served.memory() < 64_000_000
        connection.until_ended(1)


def test_aborts(application):
    served = application("threads", environment={"THREADS": "4"})
    with Connection(served.path) as connection:
        connection.ask(1, {"QUERY_STRING": "ms=1"})
        connection.send(*(request(number, {"QUERY_STRING": "ms=20000"}) for number in range(1, 9)))
        time.sleep(0.1)  # four are worked on, four wait
        started = time.monotonic()
        connection.send(*(record(fastcgi.ABORT, number) for number in range(1, 9)))
        statuses = [answer.status for answer in connection.until_ended(*range(1, 9))]
        assert sorted(statuses) == [0, 0, 0, 0, 1, 1, 1, 1]
        assert time.monotonic() - started < 2
        assert connection.ask(1, {"QUERY_STRING": "ms=1"}).body == b"after 1 ms\n"


def test_a_server_that_leaves(application):
    served = application("threads", environment={"THREADS": "2"})
    with Connection(served.path) as connection:
        connection.send(request(1, {"QUERY_STRING": "ms=20000"}), request(2, {"QUERY_STRING": "ms=20000"}))
        time.sleep(0.1)
    with Connection(served.path, timeout=2) as connection:
        assert connection.ask(1, {"QUERY_STRING": "ms=1"}).status == 0


def test_threads_work_at_the_same_time(application):
    served = application("threads", environment={"THREADS": "8"})
    with Connection(served.path) as one, Connection(served.path) as other:
        started = time.monotonic()
        for connection in (one, other):
            connection.send(*(request(number, {"QUERY_STRING": "ms=300"}) for number in range(1, 5)))
        for connection in (one, other):
            connection.until_ended(1, 2, 3, 4)
        assert time.monotonic() - started < 1.2


def test_a_busy_hour(application):
    """Connections, requests, bodies, aborts and disappearances in a heap, for some seconds, by eight clients."""
    served = application("threads", environment={"THREADS": "6"})
    done = []
    end = time.monotonic() + 4

    def client(seed: int):
        chance = random.Random(seed)
        count = 0
        while time.monotonic() < end:
            with Connection(served.path) as connection:
                for _ in range(chance.randrange(20)):
                    numbers = range(1, chance.randrange(2, 30))
                    connection.send(*(request(number, {"QUERY_STRING": f"ms={chance.choice([0, 0, 0, 1, 5])}"},
                                              bytes(chance.choice([0, 10, 5000]))) for number in numbers))
                    for number in numbers:
                        if chance.random() < 0.1:
                            connection.send(record(fastcgi.ABORT, number))
                    if chance.random() < 0.1:
                        break
                    connection.until_ended(*numbers)
                    count += len(numbers)
        done.append(count)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(8)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert len(done) == 8 and sum(done) > 100


def test_a_server_that_takes_no_answers_is_made_to_wait(application):
    served = application("responder")
    question = record(fastcgi.GET_VALUES, 0, pairs({"FCGI_MAX_REQS": ""}))
    with Connection(served.path) as connection:
        connection.socket.setblocking(False)
        sent = 0
        taken = time.monotonic()
        while time.monotonic() - taken < 0.3:
            try:
                sent += connection.socket.send(question * 1000)
                taken = time.monotonic()
            except BlockingIOError:
                time.sleep(0.001)
            assert sent < 50_000_000
        assert served.memory() < 16_000_000
        connection.socket.settimeout(20)
        while sum(len(content) for _, content in connection.management) < sent // len(question) // 2:
            assert connection.take()


def test_connections_that_idle_hold_no_memory_for_receiving(application):
    served = application("responder")
    body = bytes(55_000)
    connections = []
    for number in range(200):
        connections.append(Connection(served.path))
        assert connections[-1].ask(1, {"CONTENT_LENGTH": str(len(body))}, body).body == body
        if number == 20:
            before = served.memory()
    assert served.memory() - before < 180 * 64 * 1024 / 2
    for connection in connections:
        connection.socket.close()


def test_a_program_without_descriptors_left_neither_spins_nor_dies(application):
    served = application("responder")
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (8, 8))
    connections = [Connection(served.path) for _ in range(10)]
    time.sleep(1)
    assert sum(times_of(served.pid)) < 0.3
    for connection in connections:
        with connection:
            assert connection.ask(1, {"A": "b"}).status == 0


def times_of(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / 100, int(fields[12]) / 100


def test_management_and_refusals(application):
    with Connection(application("stream").path) as connection:
        connection.send(record(fastcgi.GET_VALUES, 0, pairs({"FCGI_MPXS_CONNS": "", "FCGI_MAX_REQS": "", "X": ""})),
                        record(77, 0, b"abc"), request(1, role=fastcgi.FILTER))
        assert connection.until_ended(1)[0].protocol == 3
        assert connection.management == [(fastcgi.RESULT, pairs({"FCGI_MAX_REQS": "1000", "FCGI_MPXS_CONNS": "1"})),
                                         (fastcgi.UNKNOWN, b"\x4d" + bytes(7))]


def test_nonsense_ends_the_connection_alone(application):
    served = application("responder")
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), begin(1) + begin(1),
                     begin(1) + record(fastcgi.PARAMS, 0, b"x")):
        with Connection(served.path) as connection:
            try:
                connection.send(b"\2" + nonsense if nonsense[:1] == b"\1" and len(nonsense) == 5000 else nonsense)
                connection.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            while connection.take():
                pass
    with Connection(served.path) as connection:
        assert connection.ask(1, {"A": "b"}).body == b"A=b\n"


def test_lengths_near_two_to_the_31(application):
    with Connection(application("responder").path) as connection:
        for lie in (b"\xff" * 8, b"\xff\xff\xff\xff\x00", b"\x01\xff\xff\xff\xff" + b"a" * 10, b"\x80"):
            connection.send(begin(1), stream(fastcgi.PARAMS, 1, lie), record(fastcgi.STDIN, 1))
            assert connection.until_ended(1)[0].output.startswith(b"Status: 400")
        assert connection.ask(2, {"A": "b" * 500_000}).body == b"A=" + b"b" * 500_000 + b"\n"
        assert connection.ask(2, {"A": "b" * 2_000_000}).output.startswith(b"Status: 431")


def test_a_graceful_end(application):
    served = application("threads")
    with Connection(served.path) as busy, Connection(served.path) as idle:
        assert idle.ask(1, {"QUERY_STRING": "ms=0"}).status == 0
        busy.send(request(1, {"QUERY_STRING": "ms=500"}), begin(2))
        time.sleep(0.1)
        served.terminate()
        assert idle.record() is None
        refused = busy.until_ended(2)[0]
        assert refused.protocol == 2, "what has not begun is refused so that it is sent elsewhere"
        busy.send(request(3))
        assert busy.until_ended(3)[0].protocol == 2
        assert busy.until_ended(1)[0].body == b"after 500 ms\n"
        assert busy.record() is None
    assert served.wait() == 0


def test_killed_and_started_again(application):
    served = application("stream")
    with Connection(served.path) as connection:
        connection.send(request(1, {"QUERY_STRING": "bytes=100000000"}))
        time.sleep(0.1)
        served.process.send_signal(signal.SIGKILL)
        while connection.take():
            pass
        assert connection.answers[1].status is None
    assert served.wait() == -signal.SIGKILL


def test_one_connection_as_descriptor_0(examples):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        program = subprocess.Popen([examples / "responder"], stdin=theirs)
        theirs.close()
        ours.sendall(request(1, {"A": "b"}))
        assert b"A=b\n" in ours.recv(4096)
        ours.close()
        assert program.wait(5) == 0


@pytest.mark.parametrize("body", [b"", b"x" * 200_000])
def test_as_a_plain_cgi_program(examples, body):
    answer = subprocess.run([examples / "responder"], input=body, capture_output=True, check=True, env={
        "REQUEST_METHOD": "POST" if body else "GET", "CONTENT_LENGTH": str(len(body)) if body else "", "X": "y"})
    head, _, content = answer.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"Content-Type: ")
    assert content == body if body else b"X=y\n" in content


def test_a_cgi_program_whose_reader_leaves(examples):
    program = subprocess.Popen([examples / "stream"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               env={"REQUEST_METHOD": "GET", "QUERY_STRING": "bytes=100000000"})
    program.stdout.read(1000)
    program.stdout.close()
    assert program.wait(5) >= 0, "no signal ended it"


def test_a_cgi_program_whose_reader_leaves_in_the_middle_of_a_write(examples):
    program = subprocess.Popen([examples / "stream"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pipesize=4096,
                               env={"REQUEST_METHOD": "GET", "QUERY_STRING": "bytes=100000000"})

    def waiting() -> int:
        return struct.unpack("i", fcntl.ioctl(program.stdout, termios.FIONREAD, bytes(4)))[0]

    eventually("a part of its first write has been taken", lambda: waiting() == 4096)
    program.stdout.close()
    assert program.wait(5) >= 0, "SIGPIPE comes with a short count too"


def test_a_cgi_program_ends_by_sigterm(examples):
    """It has one request, and who ends it wants that to end: there is nothing to be finished."""
    program = subprocess.Popen([examples / "responder"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               env={"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "10"})
    program.stdin.write(b"12345")
    program.stdin.flush()

    def unread() -> int:
        return struct.unpack("i", fcntl.ioctl(program.stdin, termios.FIONREAD, bytes(4)))[0]

    eventually("it waits for the rest of the body", lambda: unread() == 0)
    program.terminate()
    assert program.wait(5) == -signal.SIGTERM
    program.stdin.close()


def test_only_those_web_servers(examples, place):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        for allowed, welcome in (("127.0.0.1", True), ("10.0.0.1,::1", False), ("::ffff:127.0.0.1", True)):
            program = subprocess.Popen([examples / "responder"], stdin=listener,
                                       env={**os.environ, "FCGI_WEB_SERVER_ADDRS": allowed})
            with socket.create_connection(listener.getsockname()) as client:
                client.settimeout(5)
                try:
                    client.sendall(request(1, {"A": "b"}))
                    got = client.recv(4096)
                except ConnectionError:
                    got = b""
                assert (b"A=b\n" in got) == welcome
            program.terminate()
            assert program.wait(5) == 0
