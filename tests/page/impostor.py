"""A server that says to a page whatever a test wants, in place of the one that it was loaded from."""

import json
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

__all__ = ["Impostor"]

EPOCH = "828c84092ee304b2"


class Impostor:
    """Answers what a page asks for; ``answers`` has frames in place of the usual ones, by what is asked."""

    def __init__(self, page: Page, **welcome: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self._welcome = {"protocol": 1, "server": "x", "session": "s" * 32, "limits": {}, **welcome}
        self._socket: WebSocketRoute | None = None
        page.route_web_socket("**/ws", self._open)

    def say(self, *frames: dict[str, Any]) -> None:
        """Send frames, in one message."""
        assert self._socket is not None
        self._socket.send("\n".join(json.dumps(frame) for frame in frames))

    def _open(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(self._receive)

    def _receive(self, text: str | bytes) -> None:
        for line in str(text).splitlines():
            frame = json.loads(line)
            self.heard.append(frame)
            if answer := self._answer(frame):
                self.say(answer)

    def _answer(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        kind, room, token = frame["type"], frame.get("room"), frame.get("token")
        usual: dict[str, dict[str, Any]] = {
            "hello": {"type": "welcome", "nick": frame.get("nick"), **self._welcome},
            "join": {"type": "joined", "room": room, "epoch": EPOCH, "head": 0, "after": 0, "count": 1},
            "who": {"type": "members", "room": room, "nicks": ["ada"], "count": 1, "more": False},
            "rooms": {"type": "room_list", "rooms": [], "more": False, "token": token},
            "search": {"type": "found", "messages": [], "token": token},
            "ping": {"type": "pong", "token": token},
        }
        answer = {**usual.get(kind, {}), **self.answers.get(kind, {})}
        return {**answer, "token": token} if answer and token else answer or None
