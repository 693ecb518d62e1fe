"""The benchmarks: the load generator counts correctly, and the page shows what was measured."""

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import document
from benchmarks.answers import Answer
from benchmarks.bench import Bench, Options
from benchmarks.contenders import ASYNCIO, FLOOR
from benchmarks.tools import Tools, Unable, compile_tools
from tests import rows

DEADLINE = 20.0
LOAD = {"members": 3, "posters": 2, "settle": 0, "warm": 0}


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The compiled programs, with every warning an error."""
    try:
        return compile_tools(tmp_path_factory.mktemp("tools"))
    except Unable as error:
        if os.environ.get("CI") == "true" and shutil.which("gcc") is None:
            pytest.fail("there is no gcc; `make system` installs it")
        pytest.skip(str(error))


@pytest.fixture
def bench(tools: Tools) -> Bench:
    return Bench("test", tools, rounds=1)


# --- the load generator --------------------------------------------------------------------------------


class Liar:
    """A server that relays lines as the floor does, but drops or repeats one of them."""

    def __init__(self, faulty: int, copies: int) -> None:
        self._faulty = faulty
        self._copies = copies
        self._members: list[socket.socket] = []
        self._lines = itertools.count(1)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve five connections; yield the port."""
        with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:
            listener.settimeout(DEADLINE)
            accepting = threading.Thread(target=self._accept, args=(listener, stack))
            accepting.start()
            yield listener.getsockname()[1]
            accepting.join()

    def _accept(self, listener: socket.socket, stack: contextlib.ExitStack) -> None:
        for _ in range(LOAD["members"] + LOAD["posters"]):
            member = stack.enter_context(listener.accept()[0])
            member.settimeout(DEADLINE)
            self._members.append(member)
            reader = threading.Thread(target=self._read, args=(member,))
            reader.start()
            stack.callback(reader.join)
        for member in self._members:
            member.sendall(b"ready\n")

    def _read(self, member: socket.socket) -> None:
        with contextlib.suppress(ConnectionError), member.makefile("rb") as lines:
            for line in lines:
                with self._lock:
                    times = self._copies if next(self._lines) == self._faulty else 1
                    self._members[0].sendall(line * times)
                    for other in self._members[1:]:
                        other.sendall(line)


@pytest.mark.parametrize(
    ("copies", "lost", "repeated"), [(1, 0, 0), (0, 1, 0), (2, 0, 1)], ids=["honest", "loses", "repeats"]
)
def test_the_load_generator_counts_lost_and_repeated_lines(
    bench: Bench, copies: int, lost: int, repeated: int
) -> None:
    with Liar(faulty=7, copies=copies).serving() as port:
        report = bench.load("lines", {**LOAD, "count": 40}, port=port)
    assert (report["lost"], report["repeated"]) == (lost, repeated)
    assert report["deliveries"] == 40 * (LOAD["members"] + LOAD["posters"]) + copies - 1


def _answer_in_lengths_that_add_up(listener: socket.socket) -> None:
    """Be a chat server for one member whose acks are, all together, as long as three of its messages."""
    with listener, listener.accept()[0] as sock, sock.makefile("rb") as lines:
        assert b"hello" in lines.readline()
        assert b"join" in lines.readline()
        sock.sendall(b'{"type":"joined","room":"room0000"}\n')
        posts = [json.loads(lines.readline()) for _ in range(20)]
        acks = [f'{{"type":"ack","id":"{post["id"]}"}}'.ljust(89) for post in posts[:7]]
        messages = [f'{{"type":"message","text":"{post["text"]}"}}'.ljust(209) for post in posts]
        sock.sendall("\n".join([messages[0], *acks, *messages[1:], ""]).encode())
        with contextlib.suppress(ConnectionError):
            lines.read()


def test_the_load_generator_finds_a_copy_wherever_it_is(bench: Bench) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(DEADLINE)
    server = threading.Thread(target=_answer_in_lengths_that_add_up, args=(listener,))
    server.start()
    options = {"members": 0, "posters": 1, "count": 20, "settle": 0, "warm": 0}
    report = bench.load("chat", options, port=listener.getsockname()[1])
    server.join()
    assert (report["deliveries"], report["lost"], report["repeated"]) == (20, 0, 0)


@pytest.mark.parametrize(("rooms", "size"), list(rows.LOADS))
def test_the_load_generator_counts_every_delivery_of_our_server(bench: Bench, rooms: int, size: int) -> None:
    members, posters, count = 7, 3, 60
    options = {"members": members, "posters": posters, "rooms": rooms, "size": size, "count": count}
    with ASYNCIO.serving(bench.tools) as server:
        report = bench.load("chat", {**options, "settle": 0, "warm": 0}, port=server.port, pid=server.pid)
    lanes = [(lane % posters, lane % rooms) for lane in range(max(posters, rooms))]
    in_room = [sum(m % rooms == room for m in range(members)) for room in range(rooms)]
    hearers = [in_room[room] + len({p for p, r in lanes if r == room}) for _, room in lanes]
    assert report["deliveries"] == sum(hearers[number % len(lanes)] for number in range(count))
    assert (report["lost"], report["repeated"], report["refused"], report["closed"]) == (0, 0, 0, 0)
    assert report["p50_ms"] > 0


def test_the_load_generator_counts_what_comes_over_tls(bench: Bench) -> None:
    with ASYNCIO.over_tls().serving(bench.tools) as server:
        try:
            report = bench.load("chat", {**LOAD, "tls": 1, "size": 15_000, "count": 60}, port=server.port)
        except Unable as error:
            pytest.skip(str(error))  # there is no OpenSSL to compile it with
        with pytest.raises(Unable, match="before it had joined"):
            bench.load("chat", LOAD, port=server.port)
    assert (report["deliveries"], report["lost"], report["repeated"]) == (60 * 5, 0, 0)


def test_the_load_generator_counts_acknowledged_posts_and_syncs(bench: Bench, tmp_path: Path) -> None:
    durable = ASYNCIO.keeping(tmp_path / "journal.db", tmp_path / "syncs")
    options: Options = {**LOAD, "window": 1, "pace": "acks", "count": 20, "syncs": str(tmp_path / "syncs")}
    with durable.serving(bench.tools) as server:
        report = bench.load("chat", options, port=server.port, pid=server.pid)
    assert report["posts"] == 20
    assert 0 < report["posts_per_sync"] <= 2  # no more than are in flight
    assert report["sync_ms"] > 0


def test_the_floor_relays_every_line_to_every_connection(bench: Bench) -> None:
    with FLOOR.serving(bench.tools) as server:
        report = bench.load("lines", {**LOAD, "count": 500}, port=server.port, pid=server.pid)
    assert (report["deliveries"], report["lost"], report["repeated"]) == (500 * 5, 0, 0)


def test_the_load_generator_fails_without_a_server(bench: Bench) -> None:
    with pytest.raises(Unable, match="cannot connect"):
        bench.load("lines", LOAD, port=1)


def test_the_load_generator_posts_mostly_where_it_is_lively(bench: Bench) -> None:
    options = {**LOAD, "rooms": 10, "posters": 10, "members": 10, "lively": 2, "rate": 500, "count": 100}
    with ASYNCIO.serving(bench.tools) as server:
        report = bench.load("chat", options, port=server.port, pid=server.pid)
        assert (report["deliveries"], report["lost"]) == (200, 0)


# --- the page ------------------------------------------------------------------------------------------


def test_the_performance_page_shows_the_stored_results() -> None:
    page = document.PAGE.read_text("utf-8")
    assert document.filled(page) == page, "make bench ARGS=--draw"


@pytest.mark.parametrize("name", document.QUESTIONS)
def test_every_benchmark_question_has_an_answer_and_a_place_on_the_page(name: str) -> None:
    question: Any = document.question(name)
    assert question.__doc__.split("\n")[0].count("?") == 1
    assert f"<!-- bench: {name} -->" in document.PAGE.read_text("utf-8")
    assert Answer.load(name) is not None


def test_the_page_says_what_tls_misses_with_the_figures_of_its_table() -> None:
    text = document.PAGE.read_text("utf-8")
    (missed,) = (each for each in text.split("\n\n") if each.startswith("Two targets are missed."))
    shown = text.partition("<!-- bench: encrypted -->")[2].partition("<!-- end -->")[0]
    figures = re.findall(r"[\d.]+ %|[\d.]+(?= KiB)", missed.replace("\n", " "))
    measured = [each for each in figures if each not in {"60 %", "21"}]
    assert len(measured) == 6
    assert set(measured) <= set(re.findall(r"[\d.]+ %|[\d.]+", shown))


def test_every_benchmark_question_is_listed() -> None:
    names = {path.stem for path in Path(document.__file__).parent.glob("questions/[a-z]*.py")}
    assert names == set(document.QUESTIONS)


def test_ratios_compare_runs_of_the_same_round() -> None:
    answer = Answer("test", "", "", {}, {})
    for round_, ours, floor in ((1, 10.0, 20.0), (2, 30.0, 30.0), (3, 8.0, 10.0)):
        answer.runs.append({"contender": "ours", "round": round_, "rate": ours})
        answer.runs.append({"contender": "floor", "round": round_, "rate": floor})
    assert answer.ratio("rate", {"contender": "ours"}, {"contender": "floor"}) == 0.8
    assert answer.median("rate", contender="ours") == 10.0


def test_without_a_compiler_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("benchmarks.tools.shutil", SimpleNamespace(which=lambda name: None))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(Unable, match="apt-get install gcc"):
        compile_tools(tmp_path)
