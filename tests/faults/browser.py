"""Somebody in a browser who loses one connection after another. The checker has nothing to do with it."""

from dataclasses import dataclass, field
from itertools import count

from tests.protocol.codec import encode
from tests.protocol.frames import Ack, Hello, Join, Joined, Message, Position, Post, Welcome
from tests.transports.web import WebPeer
from tests.wire.websocket import raw_frame

__all__ = ["Browser"]

ROOM = "lobby"
PING = raw_frame(0x9, b"still there?")


@dataclass
class Browser:
    """Says one thing after another in the lobby, each by a message in two frames, and reads everything."""

    port: int
    nick: str
    texts: list[str] = field(default_factory=list)
    _peer: WebPeer | None = None
    _secret: str | None = None
    _position: Position | None = None
    _numbers: "count[int]" = field(default_factory=count)

    def close(self) -> None:
        """Leave. Idempotent."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def say(self, text: str) -> None:
        """Post until that is acknowledged and read, over as many connections as it takes."""
        post = Post(room=ROOM, id=f"{self.nick}-{next(self._numbers)}", text=text)
        while not self._says(post):
            self.close()

    def _says(self, post: Post) -> bool:
        """Return whether that came to its end before the connection did."""
        try:
            peer = self._peer = self._peer or self._enter()
            line = encode(post)
            peer.send(line[:40])
            peer.send_raw(PING)
            peer.send(line[40:])
            while not isinstance(self._take(peer), Ack):
                pass
            while post.text not in self.texts[-1:]:
                self._take(peer)
        except (OSError, EOFError):
            return False
        return True

    def _enter(self) -> WebPeer:
        peer = WebPeer(self.port)
        try:
            peer.send_frame(Hello(protocol=1, nick=self.nick, session=self._secret))
            peer.send_frame(Join(room=ROOM, after=self._position))
            while not isinstance(self._take(peer), Joined):
                pass
        except BaseException:
            peer.close()
            raise
        return peer

    def _take(self, peer: WebPeer) -> object:
        frame = peer.receive_frame()
        match frame:
            case Welcome():
                self._secret = frame.session
            case Joined():
                self._position = Position(epoch=frame.epoch, seq=frame.after)
            case Message():
                self._position = peer.reader.positions[ROOM]
                self.texts.append(frame.text)
            case _:
                pass
        return frame
