"""How much processor time does one `chat send` take, from its start to its end?"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.contenders import ASYNCIO
from benchmarks.tables import number, table

__all__ = ["ask", "shown"]

SENDS = 20
"""In each round, of each program: one alone varies by a tenth."""


def ask(bench: Bench) -> None:
    """Send to one server, in turns with a Python that does nothing."""
    chat = str(Path(sys.executable).with_name("chat"))
    for round_ in bench.rounds(seconds=20):
        with ASYNCIO.serving(bench.tools) as running:
            url = f"chat://127.0.0.1:{running.port}"
            send = [chat, "--config", "/dev/null", "send", "ops", "hello", "--nick", "ci", "--url", url]
            _cpu(send)  # which writes bytecode, if there is none yet
            for _ in range(SENDS):
                for name, command in (
                    ("chat send", send),
                    ("python -c pass", [sys.executable, "-c", "pass"]),
                ):
                    bench.keep({"contender": name, "round": round_, "cpu_ms": _cpu(command) * 1000})


def _cpu(command: Sequence[str]) -> float:
    """Run a program to its end; return the seconds that it took of a processor."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CHAT_", "PYTHON"))
    }
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def shown(answer: Answer) -> str:
    """Return milliseconds."""
    rows = []
    for name in answer.contenders():
        values = answer.values("cpu_ms", contender=name)
        median = answer.median("cpu_ms", contender=name) or 0.0
        rows.append([name, f"{number(median)} ({number(min(values))} to {number(max(values))})"])
    return table(["", "CPU ms"], rows)
