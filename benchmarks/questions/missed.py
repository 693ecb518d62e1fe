"""How much processor time does `chat client` take in a terminal, until it has shown what was missed?"""

import contextlib
import os
import pty
import select
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.tables import number, table
from chatcore import HistoryLimits, Hub, Limits, MemoryJournal
from transports.threaded_tcp import connect, serve

__all__ = ["ask", "shown"]

MISSED = (0, 1_000, 10_000)
STARTS = 5
"""In each round, of each length."""

PATIENCE = 60.0
TEXT = "some words of the night, as people say them to each other in a room"
LIMITS = Limits(frames_per_second=None, frames_burst=1_000_000)
KEPT = HistoryLimits(memory_history_bytes=64 * 1024 * 1024)


def ask(bench: Bench) -> None:
    """Start clients that have missed as much each time, until their screens are ready, and quit."""
    for round_ in bench.rounds(seconds=40):
        for missed in MISSED:
            for _ in range(STARTS):
                bench.keep({"missed": missed, "round": round_, "cpu_ms": _come_back(missed) * 1000})


def _come_back(missed: int) -> float:
    """Return the seconds of a processor that a client takes which has missed so many messages."""
    with (
        contextlib.closing(Hub(limits=LIMITS, journal=MemoryJournal(KEPT))) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as running,
        tempfile.TemporaryDirectory() as state,
    ):
        url = str(running.listening[0])
        _run(url, Path(state), b"you are in")
        with connect(url, nick="bob") as bob:
            for _ in range(missed):
                bob.post_nowait(TEXT)
            bob.flush()
        return _run(url, Path(state), b"live from here" if missed else b"you are in")


def _run(url: str, state: Path, shown: bytes) -> float:
    """Run a client until it has shown something; return the seconds of a processor that it took."""
    where = {name: value for name, value in os.environ.items() if not name.startswith(("CHAT_", "PYTHON"))}
    where |= {"XDG_STATE_HOME": str(state), "TERM": "xterm-256color"}
    command = [str(Path(sys.executable).with_name("chat")), "client", url, "--nick", "ada"]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=where, start_new_session=True
    )
    os.close(slave)
    try:
        _read_until(master, shown)
        os.write(master, b"/quit\r")
        _read_until(master, None)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        process.kill()
        os.close(master)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def _read_until(terminal: int, text: bytes | None) -> None:
    """Read what a program writes until a text, or its end; raises `TimeoutError` if nothing comes."""
    read = b""
    while text is None or text not in read:
        if not select.select([terminal], [], [], PATIENCE)[0]:
            raise TimeoutError("the client shows nothing")
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux: the other side is closed
            return
        if not data:
            return
        read = read[-100:] + data


def shown(answer: Answer) -> str:
    """Return milliseconds."""
    rows = []
    for missed in MISSED:
        values = answer.values("cpu_ms", missed=missed)
        median = answer.median("cpu_ms", missed=missed) or 0.0
        rows.append([f"{missed:,}", f"{number(median)} ({number(min(values))} to {number(max(values))})"])
    return table(["messages missed", "CPU ms"], rows)
