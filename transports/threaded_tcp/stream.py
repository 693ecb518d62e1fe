"""A client's socket, with TLS between it and the session where the address asks for that.

It never blocks, and belongs to one thread. What the socket does not take waits here, encrypted, so that
records stay whole and in their order.
"""

import contextlib
import socket
from typing import Self

from chatcore.transport import Channel

__all__ = ["Stream"]

RECEIVE = 64 * 1024
"""Bytes to take from the socket in one call."""


class Stream:
    """A connected socket, and the channel that encrypts, if there is one.

    A context manager, which closes the socket. ``ended`` says whether the server has ended its side, or the
    connection is broken; ``refused``, whether the socket has left some of what waits for later.
    """

    __slots__ = ("_channel", "_ending", "_shut", "_unsent", "ended", "refused", "sock")

    def __init__(self, sock: socket.socket, channel: Channel | None = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.ended = False
        self.refused = False
        self._channel = channel
        self._unsent = b""
        self._ending = False
        self._shut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def unsent(self) -> bool:
        """Whether something waits for the socket."""
        return bool(self._unsent)

    def give(self, data: bytes) -> None:
        """Take bytes of the session, to be sent."""
        self._unsent += data if self._channel is None else self._channel.send(data)

    def send(self) -> bool:
        """Write what the socket takes; return whether that is a sign of the server's life.

        Bytes that it has refused before are one; those that the system takes immediately are none.
        """
        sign = self.refused
        try:
            self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            self.refused = True
            return False
        except OSError:
            self.ended = True
            return False
        self.refused = bool(self._unsent)
        return sign

    def receive(self) -> bytes:
        """Return what has come for the session. Without anything, look at ``ended``."""
        try:
            data = self.sock.recv(RECEIVE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if self._channel is None:
            self.ended = not data
            return data
        return self._decrypt(self._channel, data)

    def _decrypt(self, channel: Channel, data: bytes) -> bytes:
        plaintext = channel.receive(data)
        if not data:
            channel.receive_eof()
        self._unsent += channel.output()
        self.ended = channel.ended or channel.error is not None
        return plaintext

    def end(self) -> None:
        """End our side once everything is written; to be called again after each `send` until then."""
        if not self._ending:
            self._ending = True
            self._unsent += b"" if self._channel is None else self._channel.end()
        if not self._unsent and not self._shut:
            self._shut = True
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.ended = True

    def close(self) -> None:
        """Close the socket. What the server sees is the end of our side, as it is without TLS."""
        if self._channel is not None and not self._unsent and not self.ended:
            with contextlib.suppress(OSError):
                self.sock.send(self._channel.end())
        self.sock.close()
