"""What comes before a client's first frame, without I/O: TLS, until the server is trusted.

Both clients drive it: bytes that come go to `Handshake.receive`, and whatever `Handshake.data_to_send` has is
written, first of all and after each of them. Then it has a ``failure``, or is ``done``, or waits for more.
"""

from transports.tls import Tls
from transports.trust import Trust

__all__ = ["Handshake"]


class Handshake:
    """The handshake of one connection.

    ``tls`` is what the connection continues with. ``early`` is what the server has said already.
    """

    __slots__ = ("_first", "_trust", "early", "tls")

    def __init__(self, trust: Trust) -> None:
        self.tls: Tls = trust.channel()
        self.early = b""
        self._trust = trust
        self._first = b""

    @property
    def done(self) -> bool:
        """Whether the server is trusted, and all that follows is encrypted."""
        return self.tls.ready

    @property
    def failure(self) -> OSError | None:
        """What has gone wrong, in words for whoever connects."""
        return None if self.tls.error is None else self._trust.failure(self.tls, self._first)

    def data_to_send(self) -> bytes:
        """Return what is to be written now, an alert included."""
        return self.tls.output()

    def receive(self, data: bytes) -> None:
        """Take bytes from the socket, or, if there are none, the end of its stream."""
        self._first = self._first or data[:1]
        if data:
            self.early += self.tls.receive(data)
        else:
            self.tls.receive_eof()
