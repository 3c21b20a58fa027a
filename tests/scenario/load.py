# SPDX-License-Identifier: Apache-2.0
"""A steady load from threads at a fixed rate, which knows of every request what became of it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import wire


@dataclass
class Outcome:
    """What clients saw."""

    sent: int = 0
    statuses: Counter = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # requests without a whole answer, and why
    refused: list[str] = field(default_factory=list)  # connections that could not be made
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Load:
    """Threads that each send a request every `every` seconds while the block runs.

    Nothing is repeated: a request that gets no whole answer is lost, and said to be.
    """

    def __init__(self, server, target: str | list[str], threads: int = 4, every: float = 0.005, keep: bool = True):
        self.server, self.every, self.keep = server, every, keep
        self.targets = [target] if isinstance(target, str) else target
        self.outcome = Outcome()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        self.server.count(self.outcome.sent)

    def work(self, number: int):
        connection, turn = None, number
        begin = time.monotonic() + self.every * number / len(self.threads)
        while not self.stopping.is_set():
            time.sleep(max(0, begin - time.monotonic()))
            begin = max(begin + self.every, time.monotonic() - 1)
            connection = self.one(connection, self.targets[turn % len(self.targets)])
            turn += 1
        if connection:
            connection.close()

    def one(self, connection, target: str):
        started = time.monotonic()
        if connection is None:
            try:
                connection = wire.Connection(self.server.address, timeout=15)
            except OSError as error:
                with self.lock:
                    self.outcome.refused.append(repr(error))
                return None
        lines = [] if self.keep else ["Connection: close"]
        with self.lock:
            self.outcome.sent += 1
        try:
            connection.send(wire.request("GET", target, *lines))
            answer = connection.read_answer()
        except (OSError, AssertionError) as error:
            with self.lock:
                self.outcome.lost.append(f"{target}: {error!r}")
            connection.close()
            return None
        with self.lock:
            self.outcome.statuses[answer.status] += 1
            self.outcome.seconds.append(time.monotonic() - started)
        if answer.closes or not self.keep:
            connection.close()
            return None
        return connection
