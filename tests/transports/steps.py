"""The steps of a connection at which it may end. Each brings a peer there, and leaves it to the server.

The server's clock stands still meanwhile. Nothing here waits for time to pass: `Traffic` says when the server
has got that far.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatcore.gate import ANYBODY, Claim, OpenGate, Person, Refusal
from tests.protocol.frames import Ack, Message, Presence, ServerFrame, Welcome
from tests.transports.peers import DEADLINE, Peer, PlainPeer, TypedPeer, hello, line
from tests.transports.servers import Clock, House
from tests.transports.traffic import Traffic

__all__ = ["LATE", "PRESENCE", "STEPS", "LateGate", "Stage", "Step"]

PRESENCE = 0.001
"""Seconds until others learn of somebody."""

TEXT = "x" * 16_000
LATE = "late-"
"""How the nicks begin of those whom the gate lets wait."""

SMALL = 4_096
"""Bytes of a receive buffer that much does not fit into."""

PAGES = 10
"""Pages of `TEXT` that do not fit into what a system buffers, and are not too many to leave unread."""


class LateGate(OpenGate):
    """Lets everybody in, and some only when it is told to."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[Person | Refusal], None]] = []
        self._asked = threading.Semaphore(0)

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        if claim.nick.startswith(LATE):
            self._waiting.append(answer)
            self._asked.release()
        else:
            answer(ANYBODY)

    def wait_for_claim(self) -> None:
        """Wait until one more waits: the thread that brings a hello may leave it to another."""
        assert self._asked.acquire(timeout=DEADLINE)

    def let_in(self) -> None:
        """Let in those who wait."""
        while self._waiting:
            self._waiting.pop()(ANYBODY)


class Stage:
    """A server whose time stands still, and somebody in its lobby who sees the others."""

    def __init__(self, house: House, clock: Clock, gate: LateGate, traffic: Traffic) -> None:
        self.house, self.clock, self.gate, self.traffic = house, clock, gate, traffic
        self.witness = house.member("witness")
        self.news: list[ServerFrame] = []  # of others, as the witness gets it
        self._reports = 0  # of presence, which the witness has read
        self.catch_up()

    def catch_up(self) -> None:
        """Let the witness read all news, after all changes are reported."""
        witness, presence = self.witness, self.house.hub.rooms["lobby"].presence
        self.clock.advance(PRESENCE)
        witness.who()  # which is answered once they are reported
        frames = list(witness.inbox)
        witness.inbox.clear()
        while self._reports + sum(isinstance(each, Presence) for each in frames) < presence.number:
            frames.append(witness.receive_frame())
        self._reports = presence.number
        self.news += frames

    def leave(self, peer: Peer) -> None:
        """Let a peer that was only there for a step go, and wait until the server knows."""
        with self.traffic.expecting("gone"):
            peer.finish()
            peer.wait_for_end()
            peer.close()

    def clog(self) -> None:
        """Post until a socket takes no more. The others read all of it."""
        speaker, unsent, number = self.house.member("speaker"), self.traffic["unsent"], 0
        while self.traffic["unsent"] == unsent:
            speaker.post(TEXT, f"s-{number}")
            speaker.receive(Ack)
            for reader in (speaker, self.witness):
                reader.settle()
            number += 1
        self.leave(speaker)


@dataclass(frozen=True)
class Step:
    """How to get there, with a nick; what the server needs for it, and what follows the end of the peer."""

    go: Callable[[Stage, str], Peer]
    limits: Mapping[str, Any] = field(default_factory=dict)
    is_read: bool = True  # the server would see the end of the stream
    afterwards: Callable[[Stage], object] = lambda stage: None


# --- the typed wire ------------------------------------------------------------------------------


def _connected(stage: Stage, nick: str) -> Peer:
    with stage.traffic.expecting("opened"):
        return stage.house.typed()


def _answered(stage: Stage, data: bytes, scheme: str = "chat") -> Peer:
    peer = stage.house.stranger(scheme)  # which reads lines, whatever they are
    peer.send(data)
    peer.sock.recv(1, socket.MSG_PEEK)
    return peer


def _amid_a_hello(stage: Stage, nick: str) -> Peer:
    peer = _connected(stage, nick)
    with stage.traffic.expecting("asked"):
        peer.send(hello(nick)[:20])
    return peer


def _said_hello(stage: Stage, nick: str) -> Peer:
    peer = _connected(stage, nick)
    peer.send(hello(f"{LATE}{nick}"))
    stage.gate.wait_for_claim()
    return peer


def _greeted(stage: Stage, nick: str) -> Peer:
    peer = stage.house.typed()
    peer.send(hello(nick))
    peer.sock.recv(1, socket.MSG_PEEK)
    return peer


def _welcomed(stage: Stage, nick: str) -> Peer:
    peer = stage.house.typed(nick)
    peer.settle()
    return peer


def _joined(stage: Stage, nick: str) -> TypedPeer:
    peer = stage.house.member(nick)
    stage.catch_up()
    peer.receive(Presence)
    peer.settle()
    return peer


def _narrow(stage: Stage, nick: str) -> TypedPeer:
    peer = stage.house.member(nick, receive_buffer=SMALL)
    peer.settle()
    return peer


def _amid_a_post(stage: Stage, nick: str) -> Peer:
    peer = _joined(stage, nick)
    with stage.traffic.expecting("asked"):
        peer.send(line("post", room="lobby", id="a-1", text="hi")[:30])
    return peer


def _unsent(stage: Stage, nick: str) -> Peer:
    peer = _narrow(stage, nick)
    stage.clog()
    return peer


def _finished_with_unsent(stage: Stage, nick: str) -> Peer:
    peer = _unsent(stage, nick)
    with stage.traffic.expecting("ended"):
        peer.finish()
    return peer


def _paging(stage: Stage, nick: str) -> Peer:
    peer = _narrow(stage, nick)
    stage.witness.post(TEXT, f"page-for-{nick}")
    stage.witness.receive(Ack)
    with stage.traffic.expecting("unsent"):
        peer.send(line("history", room="lobby", limit=1) * PAGES)
    return peer


def _paused(stage: Stage, nick: str) -> Peer:
    return _ask_without_end(stage, _narrow(stage, nick), line("ping", token="x" * 64) * 100)


def _ask_without_end(stage: Stage, peer: Peer, questions: bytes) -> Peer:
    """Ask until the server reads no more, since the peer does not either."""
    before = stage.traffic["paused"]
    while stage.traffic["paused"] == before:
        asked = stage.traffic["asked"]
        peer.send(questions)
        stage.traffic.wait(lambda now: now["asked"] > asked or now["paused"] > before)  # noqa: B023  # waits here
    return peer


def _lingering(stage: Stage, nick: str) -> Peer:
    peer, usurper = stage.house.typed(), stage.house.typed()
    peer.send(hello(nick))
    secret = peer.receive(Welcome).session
    usurper.send(line("hello", protocol=1, nick=nick, session=secret))
    peer.wait_for_end()
    stage.leave(usurper)
    return peer


def _refused(stage: Stage, nick: str) -> Peer:
    peer = _connected(stage, nick)
    peer.sock.recv(1, socket.MSG_PEEK)
    return peer


def _speaking_http(stage: Stage, nick: str) -> Peer:
    return _answered(stage, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


# --- the plain wire ------------------------------------------------------------------------------


def _plain(stage: Stage, nick: str, **options: Any) -> Peer:
    with stage.traffic.expecting("entered"):
        peer = PlainPeer(stage.house.port("plain"), **options)
    stage.house.visitors.append(peer)
    return peer


def _plain_amid_a_line(stage: Stage, nick: str) -> Peer:
    peer = _plain(stage, nick)
    stage.catch_up()
    peer.send(b"a line\nhalf a li")
    stage.news.append(stage.witness.receive(Message))
    return peer


def _plain_unsent(stage: Stage, nick: str) -> Peer:
    peer = _plain(stage, nick, receive_buffer=SMALL)
    stage.clog()
    return peer


def _plain_finished_with_unsent(stage: Stage, nick: str) -> Peer:
    peer = _plain_unsent(stage, nick)
    with stage.traffic.expecting("ended"):
        peer.finish()
    return peer


def _plain_paused(stage: Stage, nick: str) -> Peer:
    return _ask_without_end(stage, _plain(stage, nick, receive_buffer=SMALL), b"/help\n" * 100)


def _plain_lingering(stage: Stage, nick: str) -> Peer:
    peer = _plain(stage, nick)
    peer.send(b"/quit\n")
    peer.wait_for_end()
    return peer


def _plain_refused(stage: Stage, nick: str) -> Peer:
    peer = stage.house.stranger("plain")
    peer.sock.recv(1, socket.MSG_PEEK)
    return peer


def _plain_speaking_http(stage: Stage, nick: str) -> Peer:
    return _answered(stage, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "plain")


def _plain_saying_hello(stage: Stage, nick: str) -> Peer:
    return _answered(stage, hello(nick), "plain")


FULL = {"connections": 1}  # which the witness is

STEPS = {
    "connected": Step(_connected),
    "amid a hello": Step(_amid_a_hello),
    "said hello": Step(_said_hello, is_read=False, afterwards=lambda stage: stage.gate.let_in()),
    "greeted": Step(_greeted),
    "welcomed": Step(_welcomed),
    "joined": Step(_joined),
    "amid a post": Step(_amid_a_post),
    "paging": Step(_paging),
    "paused": Step(_paused, is_read=False),
    "unsent": Step(_unsent),
    "finished with unsent": Step(_finished_with_unsent),
    "lingering": Step(_lingering),
    "refused": Step(_refused, FULL),
    "speaking http": Step(_speaking_http),
    "plain": Step(_plain),
    "plain, amid a line": Step(_plain_amid_a_line),
    "plain, paused": Step(_plain_paused, is_read=False),
    "plain, unsent": Step(_plain_unsent),
    "plain, finished with unsent": Step(_plain_finished_with_unsent),
    "plain, lingering": Step(_plain_lingering),
    "plain, refused": Step(_plain_refused, FULL),
    "plain, speaking http": Step(_plain_speaking_http),
    "plain, saying hello": Step(_plain_saying_hello),
}
"""By name. ``afterwards`` is what the server waits for meanwhile."""
