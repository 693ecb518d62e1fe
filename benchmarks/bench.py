"""Runs contenders against the load generator, in interleaved rounds, and keeps what it reported."""

import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.answers import Answer, Run
from benchmarks.contenders import COMPILED, FLOOR, OURS, PEERS, Contender, Ours
from benchmarks.machine import commit, machine, versions
from benchmarks.tools import BUILD, Tools, Unable

__all__ = ["Bench", "Case", "Options", "everyone"]

Option = int | float | str
Options = Mapping[str, Option]
"""Those of `load.c`, by name."""

PATIENCE = 30.0
"""Seconds in which all members have to be there."""


@dataclass(frozen=True)
class Case:
    """One thing to be measured in every round; ``once``: in the first one only.

    ``options`` are those of ``load.c``. What ``marks`` says is kept with the run, to find it again.
    """

    contender: Ours | Contender
    options: Options
    marks: Mapping[str, object] = field(default_factory=dict)
    once: bool = False

    def __str__(self) -> str:
        marks = [f"{name} {value}" for name, value in self.marks.items()]
        return ", ".join([self.contender.name, *marks])


class Bench:
    """What a question is asked with. Everything that it measures ends up in ``answer``."""

    def __init__(self, question: str, tools: Tools, rounds: int) -> None:
        self.tools = tools
        self._rounds = rounds
        self.answer = Answer(
            question, datetime.now(UTC).isoformat(timespec="seconds"), commit(), machine(), versions()
        )
        self.began = time.monotonic()
        self._frames: dict[
            Option | None, float
        ] = {}  # bytes of one of our deliveries, by the size of its text

    def directory(self) -> "tempfile.TemporaryDirectory[str]":
        """Return a directory for journals: on the disk, which /tmp often is not."""
        return tempfile.TemporaryDirectory(dir=BUILD)

    def rounds(self, seconds: float) -> Iterator[int]:
        """Count rounds, as long as another one will fit into ``seconds``; the first one always does."""
        for number in range(1, self._rounds + 1):
            began = time.monotonic()
            yield number
            now = time.monotonic()
            if now - self.began + (now - began) > seconds:
                break

    def race(self, cases: Sequence[Case], seconds: float) -> None:
        """Measure all cases, round after round, within ``seconds``."""
        cases = [case for case in cases if self._can_start(case)]
        for number in self.rounds(seconds):
            for case in cases:
                if number == 1 or not (case.once or str(case) in self.answer.skipped):
                    self.measure(case, number)

    def measure(self, case: Case, number: int) -> None:
        """Measure one case once; where that fails, note why."""
        try:
            case.contender.check()
            with case.contender.serving(self.tools) as server:
                options = dict(case.options)
                if isinstance(case.contender, Ours) and case.contender.syncs is not None:
                    options["syncs"] = str(case.contender.syncs)
                if isinstance(case.contender, Ours) and case.contender.encrypted:
                    options["tls"] = 1
                if isinstance(case.contender, Ours) and case.contender.for_browsers:
                    options["web"] = 1
                if case.contender is FLOOR:  # so that it moves as many bytes as we do
                    options["size"] = round(self._frames.get(options.get("size"), 64.0)) - 1
                report = self.load(case.contender.dialect, options, port=server.port, pid=server.pid)
        except Unable as error:
            self.answer.skipped[str(case)] = str(error)
            print(f"  {case}: {error}", flush=True)
            return
        if isinstance(case.contender, Ours) and report["deliveries"]:
            self._frames[case.options.get("size")] = report["bytes_per_delivery"]
        self.keep({"contender": case.contender.name, "round": number, **case.marks, **report})

    def load(self, dialect: str, options: Options, **more: Option) -> Run:
        """Run the load generator to its end; raises `Unable` if it gives up."""
        given = {"dialect": dialect, "patience": PATIENCE, "settle": 0.3, "warm": 0.2, **options, **more}
        needed = sum(int(given.get(name, 0)) for name in ("members", "posters", "stalled")) + 64
        if needed > (most := resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
            raise Unable(f"needs {needed} file descriptors, and {most} is the limit here (ulimit -Hn)")
        command = [
            str(self.tools.load),
            *(part for name, value in given.items() for part in (f"--{name}", str(value))),
        ]
        deadline = PATIENCE + float(given.get("seconds", 2)) + 20
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=deadline, check=False)
        except subprocess.TimeoutExpired:
            raise Unable(f"not done after {deadline:.0f} s") from None
        if done.returncode:
            raise Unable(done.stderr.strip() or f"the load generator ended with {done.returncode}")
        report: Run = json.loads(done.stdout)
        return report

    def keep(self, run: Run) -> None:
        """Keep what was measured by other means than `measure`."""
        self.answer.runs.append(run)

    def finish(self) -> Answer:
        """Write the answer down."""
        self.answer.seconds = round(time.monotonic() - self.began, 1)
        self.answer.save()
        return self.answer

    def _can_start(self, case: Case) -> bool:
        try:
            case.contender.check()
        except Unable as error:
            self.answer.skipped[case.contender.name] = str(error)
            return False
        return True


def everyone(options: Options, *, peers_once: bool = True) -> list[Case]:
    """Return a case for each of ours in both builds, for the floor, and for the peers."""
    contenders: tuple[Ours | Contender, ...] = (*OURS, *COMPILED, FLOOR)
    ours = [Case(contender, options) for contender in contenders]
    return ours + [Case(contender, options, once=peers_once) for contender in PEERS]
