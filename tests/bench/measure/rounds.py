# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds: every server once in each, so that what disturbs the machine disturbs all of them alike."""

from dataclasses import dataclass
from statistics import median

from measure.load import Sample, Work, wrk
from measure.server import Server


@dataclass(frozen=True)
class Series:
    """The samples of one server at one kind of work, one from each round."""

    server: str
    samples: list[Sample]

    def processor_us(self) -> float:
        return median(sample.processor_us for sample in self.samples)

    def rate(self) -> float:
        return median(sample.rate for sample in self.samples)

    def p50_us(self) -> float:
        return median(sample.p50_us for sample in self.samples)

    def p99_us(self) -> float:
        return median(sample.p99_us for sample in self.samples)

    def faults(self) -> str:
        return next((sample.faults for sample in self.samples if sample.faults), "")

    def processor_ratio(self, other: "Series") -> float:
        """This server's processor time per request over another's: the median of the rounds' ratios, not the ratio of
        medians, because both halves of a round met the same machine."""
        return median(mine.processor_us / theirs.processor_us for mine, theirs in zip(self.samples, other.samples))

    def rate_ratio(self, other: "Series") -> float:
        return median(mine.rate / theirs.rate for mine, theirs in zip(self.samples, other.samples))

    def values(self) -> dict:
        """The medians and every round, for the JSON file."""
        return {
            "server": self.server,
            "processor_us_per_request": round(self.processor_us(), 3),
            "requests_per_second": round(self.rate(), 1),
            "p50_us": self.p50_us(),
            "p99_us": self.p99_us(),
            "faults": self.faults(),
            "rounds_processor_us": [round(sample.processor_us, 3) for sample in self.samples],
            "rounds_requests_per_second": [sample.rate for sample in self.samples],
        }


def interleaved(servers: list[Server], work: Work, rounds: int, seconds: int) -> dict[str, Series]:
    """Loads running servers in turn, each when the one before has done its work; each round begins with another one."""
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    for number in range(rounds):
        start = number % len(servers)
        for server in servers[start:] + servers[:start]:
            samples[server.name].append(wrk(server, work, seconds))
            server.wait_until_idle()
    return {name: Series(name, found) for name, found in samples.items()}
