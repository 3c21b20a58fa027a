# SPDX-License-Identifier: Apache-2.0
"""Results as tables, targets as met or not met, and all of it as JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import machine


@dataclass(frozen=True)
class Target:
    """One promise and what came of it."""

    text: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass
class Table:
    """Rows of text under headings; the first `left` columns are aligned left, the rest right."""

    title: str
    headings: list[str]
    left: int = 2
    rows: list[list[str]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(list(cells))

    def text(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        rendered = [self._line(line, widths) for line in lines]
        return "\n".join([self.title, rendered[0], "-" * len(rendered[0]), *rendered[1:]])

    def _line(self, cells: list[str], widths: list[int]) -> str:
        return "  ".join(
            cell.ljust(width) if column < self.left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths))
        ).rstrip()


@dataclass
class Report:
    """What the benches of one run found; each prints as soon as it is known."""

    results: list[dict] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def show(self, table: Table) -> None:
        print("\n" + table.text(), flush=True)

    def record(self, bench: str, **values) -> None:
        """Keeps one row for the JSON file; names of values end with their unit."""
        self.results.append({"bench": bench, **values})

    def judge(self, target: Target) -> None:
        self.targets.append(target)

    def show_targets(self) -> None:
        """All targets of the run at its end."""
        if not self.targets:
            return
        table = Table("targets", ["target", "", "measured", "limit"])
        for target in self.targets:
            sign = ">=" if target.at_least else "<="
            table.add(target.text, "met" if target.met else "NOT MET", f"{target.value:.2f}", f"{sign} {target.limit:.2f}")
        self.show(table)

    def write(self, path: Path) -> None:
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        content = {"machine": machine.describe(), "results": self.results, "targets": targets}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def duration(microseconds: float) -> str:
    """A latency in the unit that suits it."""
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.2f} s"
    return f"{microseconds / 1e3:.2f} ms" if microseconds >= 1e3 else f"{microseconds:.0f} us"
