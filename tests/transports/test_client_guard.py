"""Both clients against servers that break the protocol, stall or vanish."""

from collections.abc import Callable
from threading import Event

import pytest

from chatcore import Backoff
from chatcore.client import connection
from chatcore.errors import DisconnectedError, ProtocolError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.peers import DEADLINE, line
from transports.sockets import EVENTS_AHEAD

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


def test_a_client_that_takes_no_events_still_gets_answers(connect: Connect) -> None:
    full, sent = Event(), list[int]()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        text = "x" * 4_096
        sent.append(1 + guest.send_each_until_stuck(message(seq, text=text) for seq in range(1, 20_000)))
        full.set()
        assert b'"who"' in guest.receive_line()
        guest.send_unsent()
        guest.send(b'{"type":"members","room":"lobby","nicks":["ann"],"count":1,"more":false}\n')
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert full.wait(DEADLINE)
        assert sent[0] > EVENTS_AHEAD
        assert ann.who() == ("ann",)
        joined = ann.next_event()
        assert joined is not None
        assert joined.type == "joined"
        for seq in range(1, sent[0] + 1):
            heard = ann.next_message()
            assert heard is not None
            assert heard.seq == seq
        ann.close()


def test_a_loop_over_messages_logs_what_it_passes_over(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(line("gap", room="lobby", after=0, through=4, reason="expired"))
        guest.send(line("error", code="forbidden", message="go away", room="attic"))
        guest.send(message(5))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        received = ann.next_message()
        assert received is not None
        assert received.seq == 5
        ann.close()
    assert [(record.name, record.levelname) for record in caplog.records] == [("chat.client", "WARNING")] * 2
    assert "messages of lobby are missing" in caplog.records[0].getMessage()
    assert "the server refused something in attic: go away (forbidden)" in caplog.records[1].getMessage()


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
    assert "ZeroDivisionError" in caplog.text
