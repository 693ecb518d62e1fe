"""What peers are refused, in a few lines a minute however many they are, and a log that stays short."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import JournalStatistics
from chatcore.durations import DurationCounter
from chatcore.server.statistics import Statistics
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from cli.logs import digest
from cli.logs.digest import Digest
from cli.logs.events import server_reloading
from cli.logs.flood import Flood
from tests.logged import Logged, watched_log
from tests.protocol.frames import Join, Joined, Leave, Message, Ping, Pong, Position
from tests.server.driver import Clock, Host
from tests.transports.tls import new_certificate
from transports.certificates import Certificate

DEADLINE = 10.0


@pytest.fixture
def logged() -> Iterator[Logged]:
    """What is logged."""
    with watched_log() as log:
        yield log


def digest_of(host: Host, certificate: Certificate | None = None) -> Digest:
    return Digest(host.hub.statistics, Flood(), certificate)


@pytest.mark.logs("requests.refused")
def test_refusals_are_one_line_with_their_codes_and_those_before_are_not_told_again(logged: Logged) -> None:
    host = Host(text_bytes=10, line_bytes=2_000)
    counting = digest_of(host)
    ana = host.member("ana")
    ana.post(*(str(number) * 11 for number in range(8)))
    ana.send(Leave(room="ops"))
    counting.look()
    counting.look()
    assert logged.events == [
        ("requests.refused", {"count": 9, "codes": {"too_long": 8, "not_joined": 1}}),
    ]
    ana.send(Leave(room="ops"))
    counting.look()
    assert logged.events[1:] == [("requests.refused", {"count": 1, "codes": {"not_joined": 1}})]


def test_the_words_begin_with_the_code_that_was_most_often(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    host = Host(text_bytes=10, line_bytes=2_000)
    ana = host.member("ana")
    ana.send(Leave(room="ops"))
    ana.post("x" * 11, "y" * 11)
    digest_of(host).look()
    assert caplog.messages == ["3 refusals: too_long 2, not_joined 1"]


@pytest.mark.logs("connections.turned_away", "requests.refused")
def test_connections_that_a_limit_forbids_are_one_line(logged: Logged) -> None:
    host = Host(connections=1)
    host.live("ana")
    for _ in range(5):
        host.connect()
    digest_of(host).look()
    assert ("connections.turned_away", {"count": 5, "connections": 1}) in logged.events


@pytest.mark.logs("connections.stalled")
def test_connections_that_stalled_are_one_line(logged: Logged) -> None:
    host = Host(stall_seconds=20.0)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post("x" * 10_000)
    host.advance(60.0)
    digest_of(host).look()
    assert logged.events == [("connections.stalled", {"count": 1})]


@pytest.mark.logs("journal.slow")
def test_a_disk_that_hangs_is_a_line_at_each_look_and_a_slow_commit_is_told_once(logged: Logged) -> None:
    hub, commits, late = Host().hub, DurationCounter(), iter((0.0, 2.5, 34.06, 94.1, 0.0, 0.0))

    def statistics() -> Statistics:
        journal = JournalStatistics(commits.durations(), 0, 0, available=True, late=next(late))
        return replace(hub.statistics(), journal=journal)

    counting = Digest(statistics, Flood())
    commits.add(2.5)
    for _ in range(4):
        counting.look()
    commits.add(120.0)
    counting.look()
    counting.look()
    assert logged.events == [
        ("journal.slow", {"count": 0, "seconds": 34.1}),
        ("journal.slow", {"count": 0, "seconds": 94.1}),
        ("journal.slow", {"count": 1, "seconds": 0.0}),
    ]


@pytest.mark.logs("tls.failed")
def test_connections_that_fail_before_tls_begins_are_one_line(logged: Logged, tmp_path: Path) -> None:
    certificate = Certificate(new_certificate(tmp_path))
    counting = digest_of(Host(), certificate)
    for data in (b"GET / HTTP/1.1\r\n\r\n", b'{"type":"hello"}\n', bytes(64)):
        channel = certificate.channel()
        channel.receive(data)
        channel.receive(data)
    counting.look()
    counting.look()
    assert logged.events == [("tls.failed", {"count": 3})]


@pytest.mark.logs("log.left_out")
def test_an_event_that_happens_too_often_is_counted_from_then_on(logged: Logged) -> None:
    clock, printed = Clock(), list[str]()
    flood = Flood(clock)

    class Printing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            printed.append(record.getMessage())

    log, handler = logging.getLogger("chat"), Printing()
    handler.addFilter(flood)
    log.addHandler(handler)
    for number in range(30):
        server_reloading.log(signal="SIGHUP")
        logging.getLogger("chat.other").warning("something else %d", number)
    assert len(printed) == 20
    flood.report()
    flood.report()
    assert printed[20:] == [
        "20 lines of server.reloading left out, since they were too many",
        "20 lines of chat.other left out, since they were too many",
    ]
    clock.now += 60.0
    server_reloading.log(signal="SIGHUP")
    assert len(printed) == 23
    log.removeHandler(handler)


def test_a_digest_looks_once_a_minute_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "SECONDS", 0.01)
    hub, looks, third = Host().hub, list[int](), threading.Event()

    def statistics() -> Statistics:
        looks.append(1)
        if len(looks) == 3:
            third.set()
        return hub.statistics()

    with Digest(statistics, Flood()):
        assert third.wait(DEADLINE)
    during = len(looks)
    monkeypatch.setattr(digest, "SECONDS", 3_600.0)
    with Digest(statistics, Flood()):
        pass
    assert len(looks) == during + 1


def test_a_digest_ends_although_who_counts_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "CLOSING_SECONDS", 0.01)
    asked, answer = threading.Event(), threading.Event()
    hub = Host().hub

    def statistics() -> Statistics:
        asked.set()
        assert answer.wait(DEADLINE)
        return hub.statistics()

    with Digest(statistics, Flood()):
        pass
    assert asked.wait(DEADLINE)
    answer.set()


WRONG = (
    b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"\x00\xff\x1b[2J\n" * 20,
    b'{"type":"hello","protocol":1,"nick":"a\\nb\\u001b[31m"}\n',
    b'{"type":"hello","protocol":99,"nick":"ada"}\n',
    b'{"type":"hello","protocol":1,"nick":"\\u202eada"}\n{"type":"join","room":"\\n"}\n',
    b"[" * 70_000,
)


def test_peers_that_do_everything_wrong_are_a_few_lines_a_minute(logged: Logged) -> None:
    host = Host(connections=50)
    counting = digest_of(host)
    for number in range(200):
        host.connect(plain if number % 3 == 0 else ndjson).feed(WRONG[number % len(WRONG)])
    counting.look()
    assert set(logged.names) == {"requests.refused", "connections.turned_away"}
    assert len(logged.names) == 2
    assert (logged.foreign, logged.problems) == ([], [])


def test_an_hour_of_ordinary_load_is_not_logged(logged: Logged) -> None:
    """People talk, move between rooms, lose their connections and resume; in between they are idle."""
    host = Host()
    counting = digest_of(host)
    people = [host.member(nick) for nick in ("ana", "bob", "cleo")]
    joined = people[2].one(Joined)
    for minute in range(60):
        ana, bob, cleo = people
        ana.post("hello", prefix=f"minute-{minute}")
        bob.send(Join(room="ops"))
        bob.post("here too", room="ops", prefix=f"minute-{minute}")
        bob.send(Leave(room="ops"))
        seen = cleo.take_all(Message)[-1]
        cleo.lose()
        people[2] = host.live("cleo", session=cleo.secret)
        people[2].send(Join(room="lobby", after=Position(epoch=joined.epoch, seq=seen.seq)))
        for _ in range(6):
            host.advance(10.0)
            pings = [(each, ping) for each in people for ping in each.take_all(Ping)]
            for each, ping in pings:
                each.send(Pong(token=ping.token))
        counting.look()
    assert not any(each.closed for each in people)
    assert host.hub.statistics().messages == 120
    assert (logged.events, logged.foreign) == ([], [])
