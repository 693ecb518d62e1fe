"""A server that sends what a test wants, such as frames that no real server would send."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Answers", "ScriptedServer", "line", "message", "scripted_server"]


Answers = Mapping[str, Callable[[dict[str, Any]], bytes]]


def line(**frame: Any) -> bytes:
    """Return a frame as a line."""
    return json.dumps(frame).encode() + b"\n"


def message(
    seq: int, text: str, nick: str = "mallory", at: str = "2026-01-02T03:04:05Z", **more: Any
) -> bytes:
    """Return a message of the lobby."""
    said = {"id": str(seq), "nick": nick, "text": text, "at": at, **more}
    return line(type="message", room="lobby", seq=seq, prev=seq - 1, **said)


class ScriptedServer:
    """Greets one client, lets it join, and sends what `say` is given."""

    def __init__(self, head: int, after: int, answers: Answers) -> None:
        self._head = head
        self._after = after
        self._closed_to: str | None = None
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._joined = threading.Event()
        self._sending = threading.Lock()  # else an answer may come in the middle of what is said meanwhile
        self._client: socket.socket | None = None
        self.url = f"chat://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send bytes, once the client has joined."""
        assert self._joined.wait(20)
        assert self._client is not None
        with self._sending, contextlib.suppress(OSError):  # the client has closed
            self._client.sendall(data)

    def put_out(self, room: str) -> None:
        """Put the client out of a room as soon as it has entered."""
        self._closed_to = room

    def hang_up(self) -> None:
        """Close the connection."""
        assert self._client is not None
        self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop."""
        for sock in (self._listener, self._client):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        if self._client is not None:
            self._client.close()

    def _run(self) -> None:
        try:
            self._client, _ = self._listener.accept()
            with self._client.makefile("rb") as lines:
                for data in lines:
                    self._answer(json.loads(data))
            self._client.shutdown(socket.SHUT_WR)  # as the client has ended its side
        except OSError:
            pass

    def _answer(self, frame: dict[str, Any]) -> None:
        assert self._client is not None
        usual = {"hello": self._welcome, "join": self._let_in, "ping": _pong}
        answer = {**usual, **self._answers}.get(frame["type"])
        if answer is not None:
            data = answer(frame)
            with self._sending:
                self._client.sendall(data)
        if frame["type"] == "join":
            self._joined.set()

    def _welcome(self, frame: dict[str, Any]) -> bytes:
        return line(type="welcome", protocol=1, server="script", session="s", nick=frame["nick"], limits={})

    def _let_in(self, frame: dict[str, Any]) -> bytes:
        room = frame["room"]
        joined = line(type="joined", room=room, epoch="e", head=self._head, after=self._after, count=1)
        put_out = line(type="left", room=room, reason="expelled") if room == self._closed_to else b""
        return joined + put_out


def _pong(frame: dict[str, Any]) -> bytes:
    return line(type="pong", token=frame.get("token"))


@contextlib.contextmanager
def scripted_server(
    head: int = 0, answers: Answers | None = None, *, after: int = 0
) -> Iterator[ScriptedServer]:
    """Run such a server; ``head`` is the number of the last message that is replay, which begins ``after``.

    ``answers`` are functions that answer a frame, by its type, also in place of the usual answers.
    """
    server = ScriptedServer(head, after, answers or {})
    try:
        yield server
    finally:
        server.close()
