"""What does the search index add to the cost of a post? ``python -m benchmarks.indexing``

In one run, taking turns: the processor time of a post with ``--no-search`` and without, and the ratio; first
in the journal alone, with many posts at a time, and then in a server, with all that a post costs there. The
index is complete when the time is taken. Of several rounds, the median counts.

Texts have five to fourteen words, a few of which are very common, as in a language.
"""

import argparse
import json
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import BufferedRWPair
from pathlib import Path
from queue import Queue

from benchmarks.attacks import TRANSPORTS, hello, line, processor_time, serving
from chatcore.journal import Draft, Outcome, Stored
from chatcore.journal.search import Answer, Hits, SearchRequest
from chatcore.journal.sqlite import SqliteJournal
from chatcore.terms import parse_query

__all__ = ["main"]

POSTS = 20_000
ROOMS = 20
TOGETHER = 64
"""Posts that are submitted together, or that a member has sent without an ack."""

WORDS = 5_000


class _Feed:
    """Somebody who only listens."""

    tail_bytes = 0

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Do nothing."""

    def committed(self, messages: Sequence[Stored]) -> None:
        """Do nothing."""


def main() -> int:
    """Measure, and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.indexing", description=__doc__)
    parser.add_argument("--posts", type=int, default=POSTS, help="how many to measure each time (20,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure each (5)")
    options = parser.parse_args()
    texts = _texts(random.Random(1), 4_000)
    print("| | processor us a post | with an index | ratio | bytes a post |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, measure in (("journal", _in_a_journal), ("server", _in_a_server)):
        rounds = [
            (measure(texts, options.posts, search=False), measure(texts, options.posts, search=True))
            for _ in range(options.rounds)
        ]
        without, with_index = (statistics.median(each[which][0] for each in rounds) for which in range(2))
        size = statistics.median(each[1][1] for each in rounds)
        bytes_ = f"{size:.0f}" if size else ""
        cells = f"{without * 1e6:.1f} | {with_index * 1e6:.1f} | {with_index / without:.2f} | {bytes_}"
        print(f"| {name} | {cells} |", flush=True)
    return 0


def _texts(source: random.Random, count: int) -> list[str]:
    def word() -> str:
        return f"word{min(int(source.paretovariate(0.7)), WORDS)}"

    return [" ".join(word() for _ in range(source.randint(5, 14))) for _ in range(count)]


def _in_a_journal(texts: Sequence[str], posts: int, *, search: bool) -> tuple[float, float]:
    """Return the seconds of processor time for a post, and the bytes of the index for one."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.db"
        journal = SqliteJournal(path, synchronous="NORMAL", search=search)
        journal.start(_Feed())
        began = time.process_time()
        for start in range(0, posts, TOGETHER):
            numbers = range(start, min(start + TOGETHER, posts))
            _store(journal, [_draft(number, texts) for number in numbers])
        if search:
            _wait_for_index(journal)
        spent = time.process_time() - began
        journal.close()
        size = path.with_name("journal.db-search").stat().st_size if search else 0
    return spent / posts, size / posts


def _draft(number: int, texts: Sequence[str]) -> Draft:
    return Draft(f"room-{number % ROOMS}", f"{number:032x}", "ada", texts[number % len(texts)])


def _store(journal: SqliteJournal, drafts: Sequence[Draft]) -> None:
    stored = threading.Event()

    def done(_: Sequence[Outcome]) -> None:
        stored.set()

    journal.submit(drafts, done)
    stored.wait()


def _wait_for_index(journal: SqliteJournal) -> None:
    """Search until the index has everything."""
    answers: list[Answer] = []
    rooms = {f"room-{number}": (0, 2**53) for number in range(ROOMS)}
    while not (answers and isinstance(answers[-1], Hits)):
        answered: Queue[Answer] = Queue()
        journal.search(SearchRequest(rooms, items=parse_query("nothing")), answered.put)
        answers.append(answered.get())


def _in_a_server(texts: Sequence[str], posts: int, *, search: bool) -> tuple[float, float]:
    """Return the seconds of processor time for a post; one member posts to each room."""
    options = ["--limit", "frames_per_second=none", *([] if search else ["--no-search"])]
    with serving(next(iter(TRANSPORTS)), options) as (pid, ports), ExitStack() as stack:
        members = [stack.enter_context(_member(ports.typed, number)) for number in range(ROOMS)]
        began = processor_time(pid)
        threads = [
            threading.Thread(target=_post, args=(lines, number, texts, posts // ROOMS))
            for number, lines in enumerate(members)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if search:
            for number, lines in enumerate(members):
                _ask(lines, number)
        return (processor_time(pid) - began) / posts, 0.0


def _member(port: int, number: int) -> BufferedRWPair:
    sock = socket.create_connection(("127.0.0.1", port))
    with sock:
        lines = sock.makefile("rwb")
    lines.write(hello(f"m{number}") + line("join", room=f"room-{number}"))
    lines.flush()
    while b'"joined"' not in lines.readline():
        pass
    return lines


def _post(lines: BufferedRWPair, number: int, texts: Sequence[str], posts: int) -> None:
    sent = acknowledged = 0
    while acknowledged < posts:
        if sent < posts and sent - acknowledged <= TOGETHER // 2:
            for _ in range(min(TOGETHER // 2, posts - sent)):
                text = texts[(sent * ROOMS + number) % len(texts)]
                lines.write(line("post", room=f"room-{number}", id=f"{number}-{sent}", text=text))
                sent += 1
            lines.flush()
        if b'"type":"ack"' in lines.readline():
            acknowledged += 1


def _ask(lines: BufferedRWPair, number: int) -> None:
    """Search until the index has everything."""
    kind = ""
    while kind != "found":
        lines.write(line("search", query="nothing", room=f"room-{number}"))
        lines.flush()
        kind = ""
        while kind not in ("found", "error"):
            kind = json.loads(lines.readline())["type"]


if __name__ == "__main__":
    sys.exit(main())
