"""Both clients over TLS: the handshake has its place and its time, and what ends cleanly ends so in TLS, too.

What is as it is without TLS is tested with it in the rows of the other files.
"""

import contextlib
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from chatcore import Backoff, DisconnectedError, Offline, ProtocolError, RefusedError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.impostor import server_context
from tests.transports.peers import DEADLINE, line
from tests.transports.tls import new_certificate
from transports.handshake import Handshake
from transports.nodes import Nodes
from transports.threaded_tcp.dialing import dial
from transports.threaded_tcp.stream import Stream

Connect = Callable[..., Visitor]
SOON = 0.1


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return server_context(str(new_certificate(tmp_path)))


def _rest_of(guest: Guest) -> bytes:
    """Return what the client says up to its end, which MUST be one of TLS: a stream that is cut raises."""
    assert isinstance(guest.sock, ssl.SSLSocket)
    return guest.receive_rest()


# --- how a connection ends -----------------------------------------------------------------------


def test_a_goodbye_is_an_end_of_tls(connect: Connect, context: ssl.SSLContext) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert _rest_of(guest) == b""

    with HostileServer(script, contexts=[context]) as server:
        connect(server.url, nick="ann").close()


def test_a_goodbye_with_much_unsent_ends_after_the_last_record(
    connect: Connect, context: ssl.SSLContext, short_flush: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client in ("asyncio_tcp", "threaded_tcp"):  # however long it takes until all is sent
        monkeypatch.setattr(f"transports.{client}.connection.GOODBYE_SECONDS", DEADLINE)
    closing = Event()
    heard: list[bytes] = []

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert closing.wait(DEADLINE)
        heard.append(_rest_of(guest))

    with HostileServer(script, contexts=[context]) as server:
        ann = connect(server.url, nick="ann")
        for _ in range(100):
            ann.post_nowait("x" * 16_000)
        closed = ann.begin("close")
        closing.set()
        closed.result(DEADLINE)
        ann.close()
    posts = [json.loads(each) for each in heard[0].splitlines()]  # none of them is cut
    assert posts
    assert {post["type"] for post in posts} == {"post"}


def test_a_client_that_gives_up_ends_cleanly(connect: Connect, context: ssl.SSLContext) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(message(2, prev=0) + message(1))
        assert _rest_of(guest) == b""

    with HostileServer(script, contexts=[context]) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(ProtocolError):
            ann.take_all()
        ann.close()


@pytest.mark.parametrize("clean", [True, False])
def test_a_server_that_ends_without_a_word_is_lost_however_clean_that_is(
    connect: Connect, context: ssl.SSLContext, clean: bool
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        if clean:
            assert isinstance(guest.sock, ssl.SSLSocket)
            guest.sock.settimeout(SOON)
            with contextlib.suppress(OSError):  # it does not wait for the client's end
                guest.sock.unwrap()
        else:
            socket.socket.shutdown(guest.sock, socket.SHUT_WR)
        guest.sock.settimeout(DEADLINE)
        with contextlib.suppress(OSError):
            guest.receive_rest()

    with HostileServer(script, contexts=[context]) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        assert ended.value.reason == "lost"
        ann.close()


def test_the_last_word_counts_though_the_stream_is_cut(connect: Connect, context: ssl.SSLContext) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(line("closing", reason="banned"))
        socket.socket.shutdown(guest.sock, socket.SHUT_WR)
        with contextlib.suppress(OSError):
            guest.receive_rest()

    with HostileServer(script, contexts=[context]) as server:
        ann = connect(server.url, nick="ann", reconnect=True)
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        assert ended.value.reason == "banned"
        ann.close()


def test_what_is_no_tls_after_the_handshake_loses_the_connection(
    connect: Connect, context: ssl.SSLContext
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        socket.socket.send(guest.sock, line("closing", reason="taken_over"))  # by somebody on the way
        with contextlib.suppress(OSError):
            guest.receive_rest()

    with HostileServer(script, contexts=[context]) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        assert ended.value.reason == "lost"
        ann.close()


# --- the handshake -------------------------------------------------------------------------------


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        yield listener


def test_a_server_that_does_not_shake_hands_costs_as_long_as_the_caller_says(connect: Connect) -> None:
    with _listening() as listener:
        url = f"chats://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TimeoutError) as failed:
            connect(url, nick="ann", timeout=SOON)
        assert str(failed.value) == f"{url} did not let us in within 0.1 s"


def test_a_server_that_does_not_shake_hands_is_given_up(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client in ("asyncio_tcp", "threaded_tcp"):
        monkeypatch.setattr(f"transports.{client}.dialing.CONNECT_SECONDS", SOON)
    with _listening() as listener, pytest.raises(TimeoutError):
        connect(f"chats://127.0.0.1:{listener.getsockname()[1]}", nick="ann", timeout=None)


def test_what_comes_with_the_handshake_is_not_lost(
    connect: Connect, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    shake_hands = Handshake.receive

    def receive(self: Handshake, data: bytes) -> None:
        shake_hands(self, data)
        if self.done:  # a server may say something with the end of its handshake; Python's cannot
            self.early += line("error", code="unavailable", message="we are full")

    def script(guest: Guest) -> None:
        with contextlib.suppress(OSError):
            guest.receive_rest()

    monkeypatch.setattr(Handshake, "receive", receive)
    with (
        HostileServer(script, contexts=[context]) as server,
        pytest.raises(RefusedError, match="we are full"),
    ):
        connect(server.url, nick="ann")


def test_a_client_is_closed_while_it_shakes_hands_again(
    connect: Connect, context: ssl.SSLContext, short_flush: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose, stuck, done = Event(), Event(), Event()

    def serve(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)

    def say_nothing(guest: Guest) -> None:
        assert guest.sock.recv(5)[0] == 22
        stuck.set()
        assert done.wait(DEADLINE)

    with HostileServer(serve, say_nothing, contexts=[context, None]) as server:
        ann = connect(server.url, nick="ann", reconnect=True, backoff=Backoff(first=0.01))
        # From now on: the first handshake may take as long as it does. The second cannot be interrupted.
        monkeypatch.setattr("transports.threaded_tcp.dialing.CONNECT_SECONDS", SOON)
        lose.set()
        while not isinstance(ann.receive(DEADLINE), Offline):
            pass
        assert stuck.wait(DEADLINE)
        ann.close()
        done.set()


# --- the blocking client's own parts -------------------------------------------------------------


class _Dripping(socket.socket):
    """A socket on which bytes of a handshake come one at a time, and never all of them."""

    now = 1_000.0

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        pass

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        assert (self.gettimeout() or DEADLINE) + self.now <= 1_010.001
        _Dripping.now += 0.9
        return b"\x16\x03\x03\x3f\xff"[:1] if self.now < 1_001.0 else b"\x03"


def test_a_server_that_drips_its_handshake_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transports.threaded_tcp.dialing.time.monotonic", lambda: _Dripping.now)
    monkeypatch.setattr("transports.threaded_tcp.dialing.socket.socket", _Dripping)
    with _listening() as listener:
        nodes = Nodes(f"chats://127.0.0.1:{listener.getsockname()[1]}", pin="A" * 43)
        with pytest.raises(TimeoutError):
            dial(nodes, shows_key=False)
    assert 1_009.0 <= _Dripping.now < 1_011.0


class _Updating:
    """A channel that has something of its own to say about all that it receives."""

    ready, finished, ended = True, False, False
    error: OSError | None = None

    def __init__(self) -> None:
        self._said = b""

    @property
    def pending(self) -> bool:
        return bool(self._said)

    def receive(self, data: bytes) -> bytes:
        self._said += b"<%d>" % len(data)
        return data

    def receive_eof(self) -> None:
        self.ended = True

    def send(self, data: bytes) -> bytes:
        return data

    def output(self) -> bytes:
        said, self._said = self._said, b""
        return said

    def end(self) -> bytes:
        return b"."


def test_what_a_channel_has_to_say_is_sent_in_its_order() -> None:
    near, far = socket.socketpair()
    with far, Stream(near, _Updating()) as stream:
        stream.give(b"one")
        far.send(b"hello")
        assert stream.receive() == b"hello"
        stream.give(b"two")
        stream.end()
        stream.send()
        stream.end()
        far.settimeout(DEADLINE)
        assert far.recv(100) == b"one<5>two."
        assert far.recv(100) == b""
