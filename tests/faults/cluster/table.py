"""What a storm has done, by kinds of faults, for people."""

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Table"]


@dataclass
class _Row:
    times: int = 0
    acked: int = 0
    silences: list[float] = field(default_factory=list)


class Table:
    """Counts rounds. Violations belong to a storm as a whole, since they are found at its end."""

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}
        self.holds = 0
        self.helped = 0
        self.emptied = 0
        self.violations: list[str] = []

    def note(self, kind: str, acked: int, silence: float) -> None:
        """Count a round."""
        row = self.rows.setdefault(kind, _Row())
        row.times += 1
        row.acked += acked
        row.silences.append(silence)

    def lines(self) -> Iterator[str]:
        """Yield the table as Markdown."""
        yield "| kind | times | posts acked | longest silence of acks | median |"
        yield "|---|---|---|---|---|"
        for kind, row in self.rows.items():
            ordered = sorted(row.silences)
            longest, middle = ordered[-1], ordered[len(ordered) // 2]
            yield f"| {kind} | {row.times} | {row.acked:,} | {longest:.1f} s | {middle:.1f} s |"
        times = sum(row.times for row in self.rows.values())
        acked = sum(row.acked for row in self.rows.values())
        yield f"| all | {times} | {acked:,} | | |"
        yield ""
        yield f"{len(self.violations)} violations; somebody had the nick that all want {self.holds:,} times."
        if self.helped:
            yield f"A server of NATS that did not catch up by itself was started again {self.helped} times."
        if self.emptied:
            yield f"One that did not catch up even so got an empty disk {self.emptied} times."
        yield from self.violations[:50]
