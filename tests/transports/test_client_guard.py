"""Both clients against servers that break the protocol, stall or vanish."""

import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from chatcore import Backoff
from chatcore.client import connection
from chatcore.client.events import EVENTS_MAX
from chatcore.errors import DisconnectedError, ProtocolError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.peers import DEADLINE, line

Connect = Callable[..., Visitor]

BROKEN = {
    "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "binary": bytes(range(256)) + b"\n",
    "a line without end": b"x" * (2 * 1024 * 1024),
    "a message out of order": message(7),
    "a message again": message(1) + message(1),
    "a message that leads back": message(1) + message(0, prev=1),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_protocol_ends_the_connection(connect: Connect, broken: str) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.give(BROKEN[broken])
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(ProtocolError):
            ann.take_all()
        with pytest.raises(ProtocolError):
            ann.post("hello?")


def test_a_server_of_another_protocol_raises_protocol_error(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.give(b"220 mail.example.org ESMTP\r\n")
        guest.wait_for_end()

    with HostileServer(script) as server, pytest.raises(ProtocolError):
        connect(server.url, nick="ann")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_loss_in_the_middle_of_a_frame_raises_disconnected_error(connect: Connect, how: str) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(message(1) + message(2)[:20])
        assert b'"post"' in guest.receive_line()
        guest.close() if how == "close" else guest.reset()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(DisconnectedError) as ended:
            ann.post("hello?")
        assert ended.value.reason == "lost"


def test_a_handshake_without_an_answer_times_out(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 0.1)
    with HostileServer(Guest.wait_for_end) as server, pytest.raises(DisconnectedError) as ended:
        connect(server.url, nick="ann")
    assert ended.value.reason == "timeout"


def test_a_silent_server_is_pinged_then_given_up(connect: Connect) -> None:
    heard: list[bytes] = []

    def script(guest: Guest) -> None:
        guest.serve_until_joined(keepalive_seconds=0.05, idle_seconds=0.1)
        heard.append(guest.receive_line())
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        assert ended.value.reason == "timeout"
    assert heard == [b'{"type":"ping"}\n']


def test_a_client_answers_pings(connect: Connect) -> None:
    answered = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(b'{"type":"ping","token":"there?"}\n')
        assert guest.receive_line() == b'{"type":"pong","token":"there?"}\n'
        answered.set()
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert answered.wait(DEADLINE)
        ann.close()


def _page(asked: dict[str, Any], count: int) -> bytes:
    """Return the page that was asked for, of a log of so many messages."""
    first, last = asked["after"] + 1, min(asked["after"] + asked["limit"], count)
    return line(
        "page",
        room="lobby",
        epoch=asked["epoch"],
        base=asked["after"],
        more=last < count,
        token=asked["token"],
        messages=[json.loads(message(seq)) for seq in range(first, last + 1)],
    )


def test_a_client_that_takes_no_events_is_read_and_misses_nothing(connect: Connect) -> None:
    count, end = 2 * EVENTS_MAX, Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        for seq in range(1, count + 1):
            guest.send(message(seq))
        guest.send(b'{"type":"ping","token":"there?"}\n')
        received = [json.loads(guest.receive_line())["type"] for _ in range(2)]
        assert sorted(received) == ["pong", "who"]
        guest.send(line("members", room="lobby", nicks=["ann"], count=1, more=False))
        while (asked := json.loads(guest.receive_line() or b"null")) is not None:
            assert asked["type"] == "history"
            guest.send(_page(asked, count))
        end.set()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert ann.who() == ("ann",)
        for seq in range(1, count + 1):
            heard = ann.next_message()
            assert heard is not None
            assert heard.seq == seq
        ann.close()
        assert end.wait(DEADLINE)


def test_a_loop_over_messages_logs_what_it_passes_over(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(line("gap", room="lobby", after=0, through=4, reason="expired"))
        guest.send(line("error", code="forbidden", message="go away", room="attic"))
        guest.send(line("error", code="forbidden", message="you are banned"))
        guest.send(message(5))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        received = ann.next_message()
        assert received is not None
        assert received.seq == 5
        ann.close()
    assert [(record.name, record.levelname) for record in caplog.records] == [("chat.client", "WARNING")] * 3
    missing, *refused = caplog.messages
    assert "messages of lobby are missing" in missing
    assert refused == [
        "the server refused something in attic: go away (forbidden)",
        "the server refused something: you are banned (forbidden)",
    ]


class BrokenBackoff(Backoff):
    """A backoff with a bug."""

    def next(self, at_least: float = 0.0) -> float:
        raise ZeroDivisionError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_call_waits_for_a_client_that_has_failed(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lost.wait(DEADLINE)
        guest.reset()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", reconnect=True, backoff=BrokenBackoff())
        post = ann.post_nowait("hello?")
        lost.set()
        with pytest.raises(DisconnectedError):
            post.result(DEADLINE)
        with pytest.raises(DisconnectedError):
            ann.take_all()
        ann.close()
    assert "ZeroDivisionError" in caplog.text
