"""Both real clients in a storm of cuts at random bytes, judged by the checker of histories."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Event as ClientEvent
from chatcore import Offline, Online, encode
from tests import rows
from tests.faults.checker import check
from tests.faults.history import Connected, Event, Finished, Received, Sent, logs_of
from tests.faults.proxy import End, Faults
from tests.faults.scene import Scene
from tests.protocol.codec import decode_server
from tests.protocol.frames import Gap, Join, Joined, Message, Position, Post, ServerFrame
from tests.transports.clients import CLIENTS
from tests.transports.peers import DEADLINE

POSTS = 40
"""Posts of each client in each of its rooms."""

ROOMS = ("lobby", "den")
ENDS: tuple[End, ...] = ("close", "reset", "half-open")


@pytest.mark.parametrize(("server", "seed"), list(rows.STORMS))
def test_cuts_at_random_bytes_break_no_promise(server: str, seed: int, tmp_path: Path) -> None:
    rng, path = random.Random(seed), tmp_path / "journal.db"
    with Scene(server, "client-asyncio", path=path, tail_bytes=2_000) as scene:
        proxies = [scene.proxy() for _ in range(4)]
        readers = {
            f"{kind}-{number}": scene.client(
                f"{kind}-{number}", proxies.pop().url, kind=kind, rooms=ROOMS, every_frame=True
            )
            for kind in CLIENTS
            for number in range(2)
        }
        for proxy in scene.proxies:
            proxy.plan.extend((_faults(rng), _faults(rng)) for _ in range(25))
            proxy.end_all("reset")
        posts = [
            (nick, room, text, reader.visitor.post_nowait(text, room=room))
            for number in range(POSTS)
            for nick, reader in readers.items()
            for room in ROOMS
            for text in [f"{nick} says {number}"]
        ]
        acks = [
            (nick, Post(room=room, id=post.result(DEADLINE).id, text=text))
            for nick, room, text, post in posts
        ]
        for reader in readers.values():
            for room in ROOMS:
                reader.read_to(len(acks) // len(ROOMS), room)
    history: list[Event] = []
    for nick, reader in readers.items():
        history += [Sent(nick, post) for whose, post in acks if whose == nick]
        history += _told(nick, reader.events)
        history += [Finished(nick, room) for room in ROOMS]
    assert check(history, logs_of(path)) == []
    assert sum(len(reader.losses()) for reader in readers.values()) > 40
    assert not any(reader.gaps() for reader in readers.values())


def _faults(rng: random.Random) -> Faults:
    """Return what may happen to one direction of a connection."""
    return Faults(piece=rng.choice((None, 1, 7, 300)), cut_after=rng.randint(0, 4_000), end=rng.choice(ENDS))


def _told(nick: str, events: list[ClientEvent]) -> Iterator[Event]:
    """Yield what a client received, and what it has to ask for on each connection: to resume."""
    positions: dict[str, Position] = {}
    for event in events:
        match event:
            case Offline():
                pass
            case Online():
                yield Connected(nick)
                for room, position in positions.items():
                    yield Sent(nick, Join(room=room, after=position))
            case _:
                frame = decode_server(encode(event))
                _move(positions, frame)
                yield Received(nick, frame)


def _move(positions: dict[str, Position], frame: ServerFrame) -> None:
    match frame:
        case Joined():
            positions[frame.room] = Position(epoch=frame.epoch, seq=frame.after)
        case Message(room=room, seq=seq) | Gap(room=room, through=seq):
            positions[room] = Position(epoch=positions[room].epoch, seq=seq)
        case _:
            pass
