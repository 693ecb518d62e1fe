"""Drives a `chatcore.client.posting.Posting` in the thread that calls, for a program that says one thing.

It loads neither a server nor the models of frames, and OpenSSL for ``chats://`` only.
"""

import contextlib
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from chatcore.client.backoff import Backoff
from chatcore.client.posting import Ack, Posting, Said
from chatcore.errors import ChatError
from transports.nodes import Nodes
from transports.sockets import GOODBYE_SECONDS
from transports.threaded_tcp.dialing import dial
from transports.threaded_tcp.stream import Stream

__all__ = ["Ack", "Poster", "Said"]


class Poster:
    """One conversation that enters a room, posts there and ends.

    The arguments are those of ``connect``; ``posts`` is given the server's limit of bytes for a text, and
    returns what to post. Raises `UsageError` for invalid arguments.
    """

    def __init__(
        self,
        url: str,
        posts: Callable[[int | None], Sequence[Said]],
        *,
        nick: str,
        room: str,
        client: str | None = None,
        key: str | None = None,
        ca: str | Path | None = None,
        pin: str | Mapping[str, str] | None = None,
        insecure: bool = False,
    ) -> None:
        self._nodes = Nodes(url, ca=ca, pin=pin, insecure=insecure)
        backoff = Backoff()
        self._new_posting = partial(
            Posting,
            nick,
            room,
            posts,
            clock=time.monotonic,
            client=client,
            key=key,
            backoff=backoff,
            route=self._nodes.route,
        )
        self._posting = self._new_posting()
        self._stopped = False
        self._waker, self._wakee = socket.socketpair()

    def stop(self) -> None:
        """Have `run` end its connection and return soon. From any thread; idempotent."""
        self._stopped = True
        with contextlib.suppress(OSError):  # it has returned
            self._waker.send(b"\0")

    def run(self) -> list[Ack]:
        """Post everything; return the acknowledgements, or those that there are if it was stopped.

        To be called once. Raises `OSError` if no server is reached, and the `ChatError` that ended it.
        """
        with self._waker, self._wakee:
            while True:
                try:
                    return self._run()
                except (OSError, ChatError) as error:
                    if self._stopped or self._posting.was_welcomed or not self._nodes.passes_over(error):
                        raise
                self._posting = self._new_posting()

    def _run(self) -> list[Ack]:
        """Do the same, beginning at the current node."""
        posting = self._posting
        stream: Stream | None = self._dial()
        while stream is not None:
            with stream:
                self._converse(stream)
            stream = None if posting.over or self._stopped else self._dial_again()
        if posting.error is not None:
            with contextlib.nullcontext() if posting.was_welcomed else self._nodes.current.welcoming():
                raise posting.error
        return posting.acks

    def _dial(self) -> Stream:
        posting = self._posting
        stream, early = dial(self._nodes, shows_key=posting.shows_key)
        posting.connection_made()
        if early:
            posting.receive_data(early)
        return stream

    def _dial_again(self) -> Stream | None:
        """Return the next connection; ``None`` if there is to be none."""
        posting = self._posting
        while not self._stopped and not posting.over and posting.dial_at is not None:
            at = posting.dial_at
            self._wait([], [], at)
            if time.monotonic() < at:
                continue
            try:
                return self._dial()
            except Exception as error:
                posting.dial_failed(self._nodes.reason_of(error))
        return None

    def _converse(self, stream: Stream) -> None:
        """Be one connection, until it is lost or everything is said."""
        posting = self._posting
        while not posting.over and not self._stopped and posting.dial_at is None:
            stream.give(posting.data_to_send())
            if stream.unsent:
                stream.send()
            self._wait([stream.sock], [stream.sock] if stream.unsent else [], posting.next_deadline())
            if data := stream.receive():
                posting.receive_data(data)
            if stream.ended:
                posting.connection_lost()
                return
            if not posting.handle_deadline():
                posting.connection_lost("timeout")
                return
        if posting.dial_at is None:
            self._say_goodbye(stream)

    def _say_goodbye(self, stream: Stream) -> None:
        """End our side, and wait a moment for the server to end its own: then our nick is free."""
        end = time.monotonic() + GOODBYE_SECONDS
        stream.end()
        while not stream.ended and time.monotonic() < end:
            if stream.unsent:
                stream.send()
                stream.end()
            self._wait([stream.sock], [stream.sock] if stream.unsent else [], end, wakes=False)
            stream.receive()

    def _wait(
        self, readers: list[socket.socket], writers: list[socket.socket], until: float, *, wakes: bool = True
    ) -> None:
        wakers = [self._wakee] if wakes else []
        ready, _, _ = select.select([*readers, *wakers], writers, [], max(until - time.monotonic(), 0.0))
        if self._wakee in ready:
            self._wakee.recv(1)
