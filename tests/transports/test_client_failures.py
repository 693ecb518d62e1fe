"""Both clients when something in them fails, or a time is too long for a clock: no call waits forever."""

import errno
import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from chatcore import Backoff, DisconnectedError
from chatcore.client.session import ClientSession
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.peers import DEADLINE, line
from transports import threaded_tcp
from transports.asyncio_tcp.connection import Connection
from transports.threaded_tcp.stream import Stream

Connect = Callable[..., Visitor]

LONG = 3e9
"""Seconds: more than a selector takes, and less than a clock."""


class Broken(Exception):
    """A bug."""


def _break(*_args: object, **_options: object) -> Any:
    raise Broken


@pytest.mark.parametrize("method", ["receive_data", "next_deadline", "data_to_send"])
@pytest.mark.parametrize("call", ["post", "who", "take_all", "flush"])
def test_a_bug_in_a_step_fails_every_call_with_its_cause(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    call: str,
) -> None:
    asked, broken = Event(), Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.asked("post")
        asked.set()
        assert broken.wait(DEADLINE)
        guest.give(message(1))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", reconnect=True)
        first = ann.post_nowait("one")
        assert asked.wait(DEADLINE)
        monkeypatch.setattr(ClientSession, method, _break)
        broken.set()
        with pytest.raises(DisconnectedError) as failed:
            first.result(DEADLINE)
        assert failed.value.reason == "failed"
        assert isinstance(failed.value.__cause__, Broken)
        with pytest.raises(DisconnectedError) as again:
            ann.take_all() if call == "take_all" else ann.do(call, *(["x"] if call == "post" else []))
        assert isinstance(again.value.__cause__, Broken)
        monkeypatch.undo()
        ann.close()
    assert "Broken" in caplog.text


def _note_refusals(monkeypatch: pytest.MonkeyPatch, full: Event) -> None:
    """Set an event once a socket, or the transport of a loop, takes no more of what a client has to say."""
    pause, send = Connection.pause_writing, Stream.send

    def note_pause(self: Connection) -> None:
        pause(self)
        full.set()

    def note_refusal(self: Stream) -> bool:
        try:
            return send(self)
        finally:
            if self.unsent:
                full.set()

    monkeypatch.setattr(Connection, "pause_writing", note_pause)
    monkeypatch.setattr(Stream, "send", note_refusal)


def test_a_bug_when_the_server_reads_again_fails_every_call_with_its_cause(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full, patched = Event(), Event()
    _note_refusals(monkeypatch, full)

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert patched.wait(DEADLINE)
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        posts = [ann.post_nowait("x" * 16_000) for _ in range(500)]
        assert full.wait(DEADLINE)
        monkeypatch.setattr(ClientSession, "data_drained", _break)
        patched.set()
        with pytest.raises(DisconnectedError) as failed:
            posts[0].result(DEADLINE)
        assert isinstance(failed.value.__cause__, Broken)
        monkeypatch.undo()
        ann.close()
    assert [record.name for record in caplog.records] == ["chat.client"]


@pytest.mark.parametrize("name", ["socket.getaddrinfo", "asyncio.BaseEventLoop.create_connection"])
def test_a_failure_to_dial_again_fails_every_call_with_its_cause(
    connect: Connect, client_name: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name.startswith("asyncio") != client_name.endswith("asyncio"):
        pytest.skip("this client dials in another way")
    lose = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", reconnect=True, backoff=Backoff(first=0.01))
        post = ann.post_nowait("one")
        monkeypatch.setattr(name, _break)
        lose.set()
        with pytest.raises(DisconnectedError) as failed:
            post.result(DEADLINE)
        assert isinstance(failed.value.__cause__, Broken)


@pytest.mark.parametrize("name", ["selectors.DefaultSelector", "socket.socketpair", "socket.getaddrinfo"])
def test_a_threaded_client_without_a_descriptor_raises_that_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def refuse(*_args: object, **_options: object) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    with HostileServer() as server:
        monkeypatch.setattr(name, refuse)
        with pytest.raises(OSError, match="Too many"):
            threaded_tcp.connect(server.url, nick="ann")
    assert caplog.messages == []


LONG_TIMES = [
    {"keepalive_seconds": LONG},
    {"keepalive_seconds": LONG, "idle_seconds": 2 * LONG, "dedupe_seconds": LONG, "session_seconds": LONG},
    {"keepalive_seconds": 1e300, "idle_seconds": 1.7e308},
]


@pytest.mark.parametrize("limits", LONG_TIMES)
def test_limits_of_any_size_work(connect: Connect, limits: dict[str, float]) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined(**limits)
        asked = guest.asked("post")
        guest.send(line("ack", room="lobby", id=asked["id"], seq=1, durability="memory"))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert ann.post("hello").seq == 1
        ann.close()


@pytest.mark.parametrize("seconds", [1e7, LONG, 1e12, 1e300])
def test_a_refusal_for_a_long_time_waits(connect: Connect, seconds: float, short_flush: None) -> None:
    refused = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        asked = [json.loads(guest.receive_line()) for _ in range(2)]
        (post,) = (frame for frame in asked if frame["type"] == "post")  # it may come after the other
        words = {"code": "unavailable", "message": "not now", "retry_after": seconds}
        guest.send(line("error", room="lobby", id=post["id"], **words))
        guest.send(line("members", room="lobby", nicks=["ann"], count=1, more=False))
        refused.set()
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        post = ann.post_nowait("hello")
        assert ann.who() == ("ann",)
        assert refused.wait(DEADLINE)
        assert not post.done()
        ann.close()


@pytest.mark.parametrize("seconds", [1e7, LONG, 1e12, 1e300])
def test_a_server_that_stays_away_for_long_can_be_waited_for(
    connect: Connect, seconds: float, short_flush: None
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(line("closing", reason="drain", reconnect_after=seconds))

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", reconnect=True)
        while (event := ann.receive(DEADLINE)).type != "offline":
            pass
        post = ann.post_nowait("hello")
        assert event.type == "offline"
        assert event.retry_in >= seconds
        assert not post.done()
        ann.close()


def test_a_real_server_with_long_limits_is_talked_to(serve: Serve, connect: Connect) -> None:
    house = serve(keepalive_seconds=LONG, idle_seconds=None)
    ann = connect(house.url, nick="ann")
    assert ann.post("hello").seq == 1


def test_waits_grow_until_something_useful_was_done(connect: Connect) -> None:
    def lose(guest: Guest) -> None:
        guest.welcome()
        guest.asked("join")

    waits: list[int] = []

    class Counted(Backoff):
        def __init__(self) -> None:
            super().__init__(first=0.001, longest=0.01)
            self.failures = 0

        def next(self, at_least: float = 0.0) -> float:
            self.failures += 1
            waits.append(self.failures)
            return super().next(at_least)

        def reset(self) -> None:
            self.failures = 0
            super().reset()

    def join(guest: Guest) -> None:
        guest.serve_until_joined()

    def stay(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(join, lose, lose, lose, join, stay) as server:
        ann = connect(server.url, nick="ann", reconnect=True, backoff=Counted())
        joined = 0
        while joined < 3:
            joined += ann.receive(DEADLINE).type == "joined"
        ann.close()
    assert waits == [1, 2, 3, 4, 1]
