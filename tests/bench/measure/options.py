# SPDX-License-Identifier: Apache-2.0
"""What the command line decides, for every bench alike."""

from dataclasses import dataclass
from pathlib import Path

from measure import machine, peers, remuda
from measure.documents import Documents
from measure.server import Server


@dataclass(frozen=True)
class Options:
    """How to measure: which servers, how long, how often."""

    seconds: int  # of load for each sample
    rounds: int
    only: list[str]  # names of servers; empty for all of them
    program: Path  # the remuda to measure

    def wants(self, name: str) -> bool:
        return not self.only or name in self.only

    def servers(self, documents: Documents, names: list[str]) -> list[Server]:
        """The servers of a bench that are wanted, not yet started."""
        makers = {
            "remuda": lambda: remuda.remuda(documents, self.program),
            "nginx": lambda: peers.nginx(documents),
            "nginx-fcgiwrap": lambda: peers.nginx_with_fcgiwrap(documents),
            "lighttpd": lambda: peers.lighttpd(documents),
            "h2o": lambda: peers.h2o(documents),
            "epoll": lambda: peers.epoll(documents),
        }
        chosen = [makers[name]() for name in names if self.wants(name)]
        if not chosen:
            raise machine.CannotMeasure(f"--only leaves no server; this bench has {', '.join(names)}")
        return chosen
