"""What a question was answered with: every single run, and what they were made on."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "Answer", "Run"]

RESULTS = Path(__file__).parent / "results"

Run = dict[str, Any]
"""Who ran in which ``round``, what varied, and what `load.c` reported. Sizes in bytes, times as named."""


@dataclass
class Answer:
    """All runs of one question. ``skipped`` says why something was not measured."""

    question: str
    date: str
    commit: str
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    seconds: float = 0.0
    skipped: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def load(cls, question: str) -> "Answer | None":
        """Read what was answered last, if it ever was."""
        path = RESULTS / f"{question}.json"
        return cls(**json.loads(path.read_text("utf-8"))) if path.exists() else None

    def save(self) -> None:
        """Write it down, a run a line."""
        head = json.dumps({key: value for key, value in asdict(self).items() if key != "runs"}, indent=1)
        runs = ",\n".join("  " + json.dumps(run) for run in self.runs)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.question}.json").write_text(f'{head[:-2]},\n "runs": [\n{runs}\n ]\n}}\n', "utf-8")

    def contenders(self) -> list[str]:
        """Return who ran, in the order of their first run."""
        return list(dict.fromkeys(run["contender"] for run in self.runs))

    def distinct(self, key: str) -> list[Any]:
        """Return what a parameter was set to."""
        return sorted({run[key] for run in self.runs if key in run})

    def values(self, key: str, **where: object) -> list[float]:
        """Return what was measured, a number a round."""
        return [run[key] for run in self._matching(where) if key in run]

    def median(self, key: str, **where: object) -> float | None:
        """Return the median over the rounds, or ``None`` if there was none."""
        values = self.values(key, **where)
        return statistics.median(values) if values else None

    def ratio(self, key: str, one: Mapping[str, object], other: Mapping[str, object]) -> float | None:
        """Return the median of the ratios of two that ran in the same rounds."""
        ours = {run["round"]: run.get(key) for run in self._matching(one)}
        others = {run["round"]: run.get(key) for run in self._matching(other)}
        ratios = [value / others[round_] for round_, value in ours.items() if value and others.get(round_)]
        return statistics.median(ratios) if ratios else None

    def faults(self) -> list[str]:
        """Name the runs in which a copy was lost, came twice, or a post was refused."""
        words: Sequence[str] = ("lost", "repeated", "refused", "closed")
        return [
            f"{run['contender']}, round {run['round']}: {run[word]} {word}"
            for run in self.runs
            for word in words
            if run.get(word)
        ]

    def _matching(self, where: Mapping[str, object]) -> list[Run]:
        return [run for run in self.runs if all(run.get(key) == value for key, value in where.items())]
