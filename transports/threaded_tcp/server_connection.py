"""The server's side of one connection: its socket on one side, its session on the other.

`server` says which thread does what. With a channel between the two, the reader decrypts and the pump
encrypts. What the channel itself has to say waits in it until the pump takes it, so records stay in order.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable

from chatcore.transport import Channel, Session
from transports.sockets import LONGEST_WAIT

__all__ = ["SecuredConnection", "ServerConnection"]

log = logging.getLogger("chat.threaded")

CHEAP = 512
"""Bytes of what is read that may be for a channel alone, whatever else there is."""

RECEIVE_IDLE = 2 * 1024
"""Bytes that a reader waits for: it holds the memory for them while it waits."""

RECEIVE = 64 * 1024
"""Bytes that it takes with these, if more is there."""


class ServerConnection:
    """One connection, in the clear."""

    __slots__ = (
        "_paused",
        "_reader",
        "_reading",
        "_selector",
        "_send",
        "_shut",
        "_watched",
        "_writer",
        "broken",
        "reader_left",
        "session",
        "unsent",
    )

    def __init__(self, sock: socket.socket, session: Session, selector: selectors.BaseSelector) -> None:
        self.session = session
        self._selector = selector
        self.unsent = memoryview(b"")
        self._paused: threading.Event | None = None  # what the reader waits for, if the session says so
        self.reader_left = False
        self.broken = False
        self._reading: threading.Thread | None = None
        # Two objects with one descriptor: the reader's waits, the pump's never does. A timeout, however long,
        # makes the descriptor one that does not block.
        sock.settimeout(LONGEST_WAIT)
        self._reader = sock
        self._writer = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.fileno())
        self._writer.settimeout(0)
        self._send = self._writer.send
        self._watched = False
        self._shut: set[int] = set()

    def start(self, read: Callable[["ServerConnection"], None], name: str) -> None:
        """Have this connection read in a thread; raises `RuntimeError` if there are too many."""
        self._reading = threading.Thread(target=read, args=(self,), name=name, daemon=True)
        self._reading.start()

    def read(self) -> None:
        """Feed the session until the peer's stream ends. For the reader."""
        while True:
            try:
                data = self._wait_for_data()
            except OSError as error:
                if isinstance(error, TimeoutError) and error.errno is None:
                    continue  # it is silent for so long, and may be
                self.broken = True
                return
            if not self._receive(data):
                return
            if not self.readable:
                self._pause()

    def _wait_for_data(self) -> bytes:
        """Wait for data, and take all that is there: the session takes the posts of a burst together."""
        data = self._reader.recv(RECEIVE_IDLE)
        if len(data) == RECEIVE_IDLE:
            with contextlib.suppress(BlockingIOError):
                data += self._writer.recv(RECEIVE)  # which never waits
        return data

    def _receive(self, data: bytes) -> bool:
        """Take what has come, nothing at the end of the stream; return whether there may be more."""
        if data:
            self.session.receive_data(data)
        elif not self.broken:
            self.session.receive_eof()
        return bool(data)

    @property
    def readable(self) -> bool:
        """Whether the session wants data, or the reader is to meet the end."""
        return self.session.want_data or self.session.closed

    def _pause(self) -> None:
        self._paused = paused = threading.Event()
        if not (self.broken or self.readable):  # else the pump may have come too early
            paused.wait()
        self._paused = None

    def resume(self) -> None:
        """Let the reader continue. For the pump, as everything below."""
        if paused := self._paused:
            paused.set()

    def flush(self) -> None:
        """Write what is unsent or, if nothing is, what the session has to say."""
        if self.unsent:
            self.write(self.unsent)
        if not (self.unsent or self.broken) and (data := self.session.data_to_send()):
            self.write(data)

    def write(self, data: bytes | memoryview) -> None:
        """Write a piece; what the socket refuses of it is unsent."""
        if self.broken:
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.give_up()
            return
        if sent < len(data):
            self.unsent = memoryview(data)[sent:]
            self.session.data_unsent(len(self.unsent))
            self._watch()
        elif self._watched:
            self.unsent = memoryview(b"")
            self.unwatch()
            self.session.data_unsent(0)

    def finish(self) -> None:
        """End our stream; everything is written."""
        self.shut(socket.SHUT_WR)

    def say_last(self) -> None:
        """Say what is to be said right before the socket is closed: in the clear, nothing."""

    def give_up(self) -> None:
        """Write no more, and let the reader meet the end."""
        self.broken = True
        self.shut(socket.SHUT_RDWR)
        self.resume()

    def shut(self, how: int) -> None:
        """End one direction, or both, which also makes the reader leave."""
        if how not in self._shut:
            self._shut.add(how)
            try:
                self._writer.shutdown(how)
            except OSError:
                log.debug("the peer was gone before the end")

    def unwatch(self) -> None:
        """Wait no longer for the socket to take more."""
        if self._watched:
            self._watched = False
            self._selector.unregister(self._writer)

    def wait_for_reader(self, deadline: float) -> bool:
        """Wait until the reader has left; tell whether it has. The deadline is one of `time.monotonic`."""
        assert self._reading is not None
        self._reading.join(max(deadline - time.monotonic(), 0.0))
        return not self._reading.is_alive()

    def close(self) -> None:
        """Close the socket, which nobody reads any more."""
        self.unwatch()
        self._writer.detach()
        self._reader.close()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._selector.register(self._writer, selectors.EVENT_WRITE, self)


class SecuredConnection(ServerConnection):
    """One connection with a channel.

    ``call`` makes the pump serve it soon. ``shaking_hands`` is held by one reader of the server at a time, so
    that a crowd that shakes hands does not keep the pump and other readers from their work. It is held, too,
    by a reader most of whose bytes are for the channel alone, such as new keys.
    """

    __slots__ = ("_call", "_channel", "_costly", "_shaking_hands")

    def __init__(
        self,
        sock: socket.socket,
        session: Session,
        selector: selectors.BaseSelector,
        channel: Channel,
        call: Callable[[ServerConnection], None],
        shaking_hands: threading.Lock,
    ) -> None:
        super().__init__(sock, session, selector)
        self._channel = channel
        self._call = call
        self._shaking_hands = shaking_hands
        self._costly = False  # most of what came last was not for the session

    def _receive(self, data: bytes) -> bool:
        channel = self._channel
        if not data:
            channel.receive_eof()  # the pump learns of the error when the reader has left
            return False
        plain = self._decrypt(data)
        if channel.pending:
            self._call(self)
        if plain:
            self.session.receive_data(plain)
        if channel.ended:
            self.session.receive_eof()
        return not channel.ended and channel.error is None

    def _decrypt(self, data: bytes) -> bytes:
        if self._channel.ready and not self._costly:
            plain = self._channel.receive(data)
        else:
            with self._shaking_hands:
                plain = self._channel.receive(data)
        self._costly = len(data) > 2 * len(plain) + CHEAP
        return plain

    def flush(self) -> None:
        if self.unsent:
            super().write(self.unsent)
        if not self.unsent:
            self._put(self._channel.output())
        if self._channel.error is not None and not self.broken:
            self.give_up()
        if not (self.unsent or self.broken) and (data := self.session.data_to_send()):
            self.write(data)

    def write(self, data: bytes | memoryview) -> None:
        if not self.broken:
            self._put(self._channel.send(bytes(data)))

    def finish(self) -> None:
        self.say_last()
        if self._channel.finished and not self.unsent:
            super().finish()

    def say_last(self) -> None:
        """Say that our stream ends, unless the socket takes nothing: else it would look cut."""
        if not (self.unsent or self.broken):
            self._put(self._channel.end())

    def _put(self, secret: bytes) -> None:
        if secret and socket.SHUT_WR not in self._shut:
            super().write(secret)
