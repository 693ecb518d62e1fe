"""How does cost grow with the history of a room? Up to 100,000 messages in the journal's file."""

import json
import shutil
import socket
import time
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import UVLOOP
from benchmarks.tables import amount, number, table

__all__ = ["ask", "shown"]

LENGTHS = (0, 1_000, 10_000, 100_000)
PAGE = 1_000
OPTIONS = {"members": 1000, "posters": 8, "size": 64, "window": 64, "seconds": 1}


def ask(bench: Bench) -> None:
    """Fill a file for each length; then start with a copy of it, read its end, and flood the room."""
    with bench.directory() as directory:
        files = {length: Path(directory) / f"{length}.db" for length in LENGTHS}
        for length, path in files.items():
            _fill(bench, path, length)
        for round_ in bench.rounds(seconds=35):
            for length, path in files.items():
                copy = Path(directory) / "copy.db"
                for part in Path(directory).glob("copy.db*"):
                    part.unlink()
                for part in Path(directory).glob(f"{path.name}*"):
                    shutil.copy(part, copy.with_name(part.name.replace(path.name, copy.name)))
                ours = UVLOOP.keeping(copy)
                began = time.monotonic()
                with ours.serving(bench.tools) as server:
                    marks = {"length": length, "start_seconds": time.monotonic() - began}
                    marks["read_seconds"] = _read_end(server.port, min(length, PAGE))
                bench.measure(Case(ours, OPTIONS, marks), round_)


def _fill(bench: Bench, path: Path, length: int) -> None:
    filling: Options = {
        "members": 0,
        "posters": 8,
        "size": 64,
        "pace": "acks",
        "warm": 0,
        "seconds": 30,
        "count": length,
    }
    with UVLOOP.keeping(path).serving(bench.tools) as server:
        if length:
            bench.load("chat", filling, port=server.port, pid=server.pid)


def _read_end(port: int, count: int) -> float:
    """Join with the newest messages; return the seconds until the last of them is here."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 20) as sock, sock.makefile("rb") as lines:
        for frame in (
            {"type": "hello", "protocol": 1, "nick": "reader"},
            {"type": "join", "room": "room0000", "history": count},
        ):
            sock.sendall(json.dumps(frame).encode() + b"\n")
        left = count + 1
        while left:
            line = lines.readline()
            if not line:
                raise ConnectionError("the server ended the connection")
            left -= line.startswith((b'{"type":"message"', b'{"type":"joined"'))
    return time.monotonic() - began


def shown(answer: Answer) -> str:
    """Return throughput, memory, and the times to start and to read, by the length of the history."""
    rows = []
    for length in answer.distinct("length"):
        keys = ("start_seconds", "read_seconds", "deliveries_per_second", "cpu_us_per_delivery", "end_kib")
        start, read, rate, cpu, end = (answer.median(key, length=length) or 0.0 for key in keys)
        shown_read = number(read * 1000) if length else "–"
        rows.append([f"{length:,}", number(start), shown_read, amount(rate), number(cpu), number(end / 1024)])
    newest = f"the newest {PAGE:,} in ms"
    return table(
        ["messages stored", "start in s", newest, "deliveries/s", "CPU µs per delivery", "MiB at the end"],
        rows,
    )
