"""The ways in which a peer ends, and what is seen of that: by itself, by others, and inside of the server."""

import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from chatcore.server.hub import Hub
from tests.protocol.frames import Message, Presence, ServerFrame
from tests.transports.holdings import Holdings
from tests.transports.peers import Peer, TypedPeer
from tests.transports.steps import LATE, Stage, Step

__all__ = ["ENDINGS", "READING", "Seen", "end", "fall_silent", "reads"]


@dataclass(frozen=True)
class Seen:
    """One ending: what the peer reads, if it still can, what others see of it, and whether its nick waits."""

    reads: str | None
    others: str
    reserved: bool = False


# --- endings -------------------------------------------------------------------------------------


def _send_urgent_data(peer: Peer) -> None:
    peer.sock.send(b"!", socket.MSG_OOB)
    peer.finish()


ENDINGS: dict[str, Callable[[Peer], object]] = {
    "reset": lambda peer: peer.reset(),
    "close": lambda peer: peer.close(),
    "deaf": lambda peer: peer.sock.shutdown(socket.SHUT_RDWR),
    "finish": lambda peer: peer.finish(),
    "urgent": _send_urgent_data,
}
"""What a peer does. After the last two it still reads; if it is deaf, its socket stays, and takes nothing."""

READING = ("finish", "urgent")


def end(stage: Stage, step: Step, ending: str) -> Seen:
    """Bring a peer to a step and let it end; the server has nothing of it afterwards but maybe its nick."""
    before = Holdings.of(stage.house.hub)
    stage.news.clear()
    peer = step.go(stage, ending)
    names = {ending, LATE + ending, str(peer.address[1])}
    stage.catch_up()
    with stage.traffic.expecting("ended", 1 if ending == "deaf" and step.is_read else 0):
        ENDINGS[ending](peer)
    step.afterwards(stage)
    read = reads(peer) if ending in READING else None
    peer.close()
    stage.traffic.wait_until_gone(but=1)
    stage.catch_up()
    others = ", ".join(_words_about(names, stage.news))
    return Seen(read, others, reserved=_is_reserved(stage.house.hub, before, names))


def fall_silent(stage: Stage, step: Step) -> Seen:
    """Bring a peer to a step and let time pass, without a witness."""
    peer = step.go(stage, "silence")
    stage.leave(stage.witness)
    before = Holdings(reserved=Holdings.of(stage.house.hub).reserved)
    stage.clock.release()
    stage.traffic.wait_until_gone()
    read = reads(peer)
    if not step.is_read:  # what is unread when a socket is closed makes the system send a reset
        read = read.replace("broken", "end")
    peer.close()
    return Seen(read, "", reserved=_is_reserved(stage.house.hub, before, {"silence"}))


# --- what can be seen ----------------------------------------------------------------------------


def _is_reserved(hub: Hub, before: Holdings, names: set[str]) -> bool:
    """Tell whether a nick is reserved; fail unless that is all that was added to what a hub holds."""
    now = Holdings.of(hub)
    added = sorted(set(now.reserved) - set(before.reserved))
    reserved = tuple(sorted([*before.reserved, *added]))
    assert now == replace(before, reserved=reserved, seats=len(before.in_use) + len(reserved))
    assert names.issuperset(added)
    return bool(added)


def _words_about(names: set[str], news: Iterable[ServerFrame]) -> Iterator[str]:
    """Yield in words what is reported of somebody."""
    for frame in news:
        if isinstance(frame, Message) and frame.nick in names:
            yield f"says {frame.text}"
        elif isinstance(frame, Presence):
            yield from ["joins"] * len(names & set(frame.joined))
            yield from ["leaves"] * len(names & set(frame.left))


def reads(peer: Peer) -> str:
    """Return in words what a peer reads up to the end; what is repeated is named once."""
    words: list[str] = []
    try:
        for word in _typed_words(peer) if isinstance(peer, TypedPeer) else _lines(peer):
            if words[-1:] != [word]:
                words.append(word)
    except EOFError:
        words.append("end")
    except ConnectionError:
        words.append("broken")
    return ", ".join(words)


def _typed_words(peer: TypedPeer) -> Iterator[str]:
    while True:
        frame = peer.receive_frame()
        more = getattr(frame, "code", None) or getattr(frame, "reason", None)
        if not isinstance(frame, Presence):  # which is of others
            yield f"{frame.type} {more}" if more else frame.type


def _lines(peer: Peer) -> Iterator[str]:
    while line := peer.receive_line():
        yield "text" if line.startswith((b"speaker", b"witness")) else " ".join(line.decode().split()[:3])
    raise EOFError
