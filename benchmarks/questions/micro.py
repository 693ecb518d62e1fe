"""What does each part of the core cost, without sockets?"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.tables import number, table
from benchmarks.tools import Unable

__all__ = ["ask", "shown"]

ROOT = Path(__file__).parents[2]
PLAIN = str.maketrans({"_": " ", "[": ", ", "-": ", ", "]": ""})


def ask(bench: Bench) -> None:
    """Run pytest-benchmark over `benchmarks/test_*.py`."""
    with bench.directory() as directory:
        report = Path(directory) / "report.json"
        command = [sys.executable, "-m", "pytest", "-q", *sorted(map(str, ROOT.glob("benchmarks/test_*.py")))]
        command.append(f"--benchmark-json={report}")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unable(done.stdout[-2000:] + done.stderr)
        for each in json.loads(report.read_text())["benchmarks"]:
            work = each["extra_info"].get("work", 1)
            us = {key: each["stats"][key] * 1e6 / work for key in ("median", "q1", "q3")}
            name = each["name"].removeprefix("test_").translate(PLAIN)
            bench.keep({"contender": name, "round": 1, **us, **each["extra_info"]})


def shown(answer: Answer) -> str:
    """Return microseconds."""
    rows = [
        [
            run["contender"],
            run.get("unit", "call"),
            number(run["median"]),
            f"{number(run['q1'])} to {number(run['q3'])}",
        ]
        for run in answer.runs
    ]
    return table(["", "for each", "median µs", "the middle half"], rows)
