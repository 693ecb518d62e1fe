"""A plain wire whose members have logged in: it says hello with a key for them."""

from chatcore.address import Peer
from chatcore.limits import Limits
from chatcore.messages import PROTOCOL, Hello, Join
from chatcore.names import LOBBY
from chatcore.wire import Item, Wire
from chatcore.wire.plain import Plain, PlainCodec

__all__ = ["PlainLogin"]


class PlainLogin(Plain):
    """The plain wire of one account."""

    def __init__(self, nick: str, key: str) -> None:
        self._hello = Hello(protocol=PROTOCOL, nick=nick, key=key)

    def codec(self, peer: Peer, limits: Limits) -> PlainCodec:
        """Return the half of a new connection."""
        return _Codec(peer, limits.line_bytes, self._hello)


class _Codec(PlainCodec):
    def __init__(self, peer: Peer, line_bytes: int, hello: Hello) -> None:
        super().__init__(peer, line_bytes)
        self._hello = hello

    def opening(self) -> list[Item]:
        return [self._hello, Join(room=LOBBY)]


_: type[Wire] = PlainLogin
