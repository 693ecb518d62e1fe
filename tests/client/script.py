"""A client's session whose server is the test: it reads what is sent, and answers what it likes.

Frames are objects as they stand on the line, so that nothing here trusts our own models.
"""

import json
import random
from typing import Any

from chatcore import Backoff, Event
from chatcore.client.session import ClientSession
from tests.server.driver import Clock

__all__ = ["EPOCH", "Script", "line", "message"]

EPOCH = "828c84092ee304b2"
"""Of every room, unless a test says otherwise."""

Fields = dict[str, Any]


def line(type: str, **fields: Any) -> bytes:
    """Return a frame of the server as a line."""
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def message(seq: int, room: str = "lobby", **fields: Any) -> bytes:
    """Return a message that follows the one before it, as a line."""
    said = {"prev": seq - 1, "id": f"m-{seq}", "nick": "bob", "text": f"text {seq}"}
    return line("message", room=room, seq=seq, at="2026-11-23T14:35:25.649329Z", **{**said, **fields})


class Script:
    """A session and the test at the other end of its connections. It is connected, and has been welcomed."""

    def __init__(self, nick: str = "ana", *rooms: str, **options: Any) -> None:
        self.clock = Clock()
        given: Fields = {"reconnect": True, "backoff": Backoff(random.Random(1)), **options}
        self.session = ClientSession(nick, clock=self.clock, **given)
        self.connect(nick=nick)
        for room in rooms:
            self.join(room)

    def connect(self, **welcome: Any) -> Fields:
        """Let the session connect, and welcome it; return its hello."""
        self.clock.now = max(self.clock.now, self.session.dial_at or 0.0)
        self.session.connection_made()
        (hello,) = self.sent()
        self.say("welcome", protocol=1, server="script", session="s" * 32, limits={}, **welcome)
        return hello

    def cut(self) -> None:
        """Lose the connection."""
        self.session.receive_eof()

    def join(self, room: str = "lobby", **joined: Any) -> None:
        """Let it into a room."""
        self.session.join(room)
        assert self.sent()[-1] == {"type": "join", "room": room}
        self.let_in(room, **joined)

    def let_in(self, room: str = "lobby", **joined: Any) -> None:
        """Answer a join."""
        self.say("joined", **{"room": room, "epoch": EPOCH, "head": 0, "after": 0, "count": 1, **joined})

    def sent(self) -> list[Fields]:
        """Return the frames that were sent since the last call."""
        return [json.loads(each) for each in self.session.data_to_send().splitlines()]

    def say(self, type: str, **fields: Any) -> None:
        """Send a frame."""
        self.session.receive_data(line(type, **fields))

    def events(self) -> list[Event]:
        """Return the events that were not taken yet."""
        return self.session.events_received()

    def types(self) -> list[str]:
        """Return the types of the events that were not taken yet."""
        return [event.type for event in self.events()]
