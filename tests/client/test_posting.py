"""The conversation of ``chat send``: one room, some posts, and no models. The clock is the test's."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from chatcore.client.backoff import Backoff
from chatcore.client.posting import (
    DEDUPE_SECONDS,
    HANDSHAKE_SECONDS,
    LINE_BYTES,
    SILENCE_SECONDS,
    Posting,
    Said,
)
from chatcore.errors import ChatError, DisconnectedError, ProtocolError, RefusedError, UsageError

ONE, TWO = Said("1", None, "one"), Said("2", "notice", "two")


class Server:
    """The other side: what it was sent, and what it says. ``now`` is the time on the clock of both."""

    def __init__(self, *said: Said, error: ChatError | None = None, **options: Any) -> None:
        self.now = 100.0
        self.limits: list[int | None] = []
        self._said = said
        self._error = error
        self.posting = Posting(
            "Ci", "Ops", self._posts, clock=lambda: self.now, backoff=Backoff(random.Random(1)), **options
        )
        self.posting.connection_made()

    def _posts(self, limit: int | None) -> Sequence[Said]:
        self.limits.append(limit)
        if self._error is not None:
            raise self._error
        return self._said

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.posting.data_to_send().splitlines()]

    def say(self, **frame: Any) -> None:
        self.posting.receive_data(json.dumps(frame).encode() + b"\n")

    def welcome(self, **limits: Any) -> None:
        self.say(type="welcome", protocol=1, server="x", session="secret", nick="Ci", limits=limits)

    def join(self) -> None:
        self.say(type="joined", room="ops", epoch="e", head=0, after=0, count=1)

    def ack(self, id_: str, seq: int = 1) -> None:
        self.say(type="ack", room="ops", id=id_, seq=seq, durability="synced")

    def enter(self) -> None:
        self.welcome()
        self.join()
        self.sent()

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.sent()]


def test_posts_are_sent_one_after_the_other_and_acknowledged() -> None:
    server = Server(ONE, TWO, client="chat 1", key="k" * 43)
    hello = {"type": "hello", "protocol": 1, "nick": "Ci", "client": "chat 1", "key": "k" * 43}
    assert server.sent() == [hello]
    server.welcome(text_bytes=100)
    assert server.sent() == [{"type": "join", "room": "ops"}]
    server.join()
    assert server.sent() == [{"type": "post", "room": "ops", "id": "1", "text": "one"}]
    server.ack("1", 7)
    assert server.sent() == [{"type": "post", "room": "ops", "id": "2", "kind": "notice", "text": "two"}]
    server.ack("2", 8)
    assert server.posting.done
    assert [ack.seq for ack in server.posting.acks] == [7, 8]
    assert json.loads(server.posting.acks[1].line)["id"] == "2"
    assert server.limits == [100]


def test_bytes_may_come_in_any_pieces() -> None:
    whole, pieces = Server(ONE), Server(ONE)
    lines = [
        {"type": "welcome", "protocol": 1, "server": "x", "session": "s", "nick": "Ci", "limits": {}},
        {"type": "joined", "room": "ops", "epoch": "e", "head": 0, "after": 0, "count": 1},
        {"type": "message", "room": "ops", "seq": 1, "text": "\N{GRINNING FACE}"},
        {"type": "ack", "room": "ops", "id": "1", "seq": 2, "durability": "memory"},
    ]
    data = b"\r\n\n".join(json.dumps(line, ensure_ascii=False).encode() for line in lines) + b"\n"
    whole.posting.receive_data(data)
    for index in range(len(data)):
        pieces.posting.receive_data(data[index : index + 1])
    assert whole.posting.done
    assert whole.posting.acks[0].seq == pieces.posting.acks[0].seq == 2
    assert whole.sent() == pieces.sent()


def test_a_ping_is_answered_and_what_others_do_is_ignored() -> None:
    server = Server(ONE)
    server.enter()
    server.say(type="ping", token="t")
    server.say(type="presence", room="ops", joined=["bob"], left=[], count=2)
    server.say(type="gap", room="ops", after=0, through=3, reason="expired")
    server.say(type="x.later", anything=[1])
    server.say(type="left", room="ops", reason="expelled")
    server.say(type="ack", room="ops", id="other", seq=3, durability="synced")
    server.say(type="error", code="bad_frame", message="?", room="elsewhere", id="1")
    assert server.sent() == [{"type": "pong", "token": "t"}]
    assert server.posting.error is None
    assert not server.posting.over


@pytest.mark.parametrize(
    ("said", "room"),
    [
        ({"type": "error", "code": "nick_taken", "message": "no", "retry_after": 3}, None),
        ({"type": "error", "code": "forbidden", "message": "no", "room": "ops"}, "ops"),
        ({"type": "error", "code": "rate_limited", "message": "no", "room": "ops", "retry_after": 1}, "ops"),
        ({"type": "left", "room": "ops", "reason": "expelled"}, "ops"),
    ],
)
def test_who_is_not_let_in_is_refused(said: dict[str, Any], room: str | None) -> None:
    server = Server(ONE)
    if room is not None:
        server.welcome()
    server.say(**said)
    error = server.posting.error
    assert isinstance(error, RefusedError)
    assert (error.room, error.retry_after) == (room, said.get("retry_after"))
    assert server.posting.over
    assert server.limits == []


def test_a_post_that_is_refused_for_good_ends_it_and_one_refused_for_a_while_is_sent_again() -> None:
    server = Server(ONE)
    server.enter()
    refusal = {"type": "error", "code": "rate_limited", "message": "slow down", "room": "ops", "id": "1"}
    server.say(**refusal, retry_after=2.5)
    assert server.posting.next_deadline() == 102.5
    server.now = 102.4
    assert server.posting.handle_deadline()
    assert server.sent() == []
    server.now = 102.5
    assert server.posting.handle_deadline()
    assert [frame["id"] for frame in server.sent()] == ["1"]
    server.say(**refusal)
    assert isinstance(server.posting.error, RefusedError)


def test_a_lost_connection_is_made_again_on_the_same_seat() -> None:
    server = Server(ONE, TWO)
    server.enter()
    server.ack("1")
    server.sent()
    server.posting.connection_lost()
    assert not server.posting.over
    assert 100.0 <= (server.posting.dial_at or 0.0) <= 100.5
    server.posting.dial_failed("lost")
    assert (server.posting.dial_at or 0.0) >= 100.0
    server.posting.connection_made()
    assert server.posting.dial_at is None
    assert server.sent()[0]["session"] == "secret"
    server.welcome()
    server.join()
    assert [frame.get("id") for frame in server.sent()] == [None, "2"]
    server.ack("2")
    assert server.posting.done
    assert len(server.limits) == 1


def test_what_may_be_forgotten_is_not_sent_again() -> None:
    server = Server(ONE)
    server.enter()
    server.now += DEDUPE_SECONDS + 0.1
    server.posting.connection_lost()
    assert isinstance(server.posting.error, DisconnectedError)


@pytest.mark.parametrize("reason", ["taken_over", "protocol", "banned", "revoked"])
def test_nobody_returns_from_where_it_was_ended_for_good(reason: str) -> None:
    server = Server(ONE)
    server.enter()
    server.say(type="closing", reason=reason)
    server.ack("1")  # nothing counts after that
    server.posting.connection_lost()
    assert isinstance(error := server.posting.error, DisconnectedError)
    assert error.reason == reason


def test_a_server_that_drains_is_left_for_as_long_as_it_says() -> None:
    server = Server(ONE)
    server.enter()
    server.say(type="closing", reason="drain", reconnect_after=5)
    server.posting.connection_lost()
    assert (server.posting.dial_at or 0.0) >= 105.0


def test_a_refusal_to_let_us_back_is_waited_for() -> None:
    server = Server(ONE)
    server.enter()
    server.posting.connection_lost()
    server.posting.connection_made()
    server.say(type="error", code="unavailable", message="not now", retry_after=4)
    at = server.posting.dial_at
    assert at is not None
    assert at >= 104.0
    server.posting.connection_lost()
    assert server.posting.dial_at == at


def test_silence_is_bounded() -> None:
    server = Server(ONE)
    server.now += HANDSHAKE_SECONDS
    assert not server.posting.handle_deadline()
    server = Server(ONE)
    server.enter()
    assert server.posting.next_deadline() == server.now + SILENCE_SECONDS
    server.now += SILENCE_SECONDS - 0.1
    assert server.posting.handle_deadline()
    server.now += 0.1
    assert not server.posting.handle_deadline()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"* hello there\r\n", "this is a plain:// port"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", "this is a chats:// port"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the server does not speak this protocol"),
        (b"[]\n", "the server does not speak this protocol"),
        (b"{\n", "the server sent no frame"),
        (b"{" * 100_000 + b"\n", "the server sent no frame"),
        (b'{"a":' * 100_000 + b"\n", "the server sent no frame"),
        (b"{" + b" " * LINE_BYTES, "a line of the server is too long"),
        (b'{"type":"welcome"}\n', r"the server sent an invalid frame \(welcome\)"),
        (b'{"type":"welcome","protocol":1,"session":"s","limits":[]}\n', "the server sent"),
        (b'{"type":"welcome","protocol":1,"session":"s","limits":{"text_bytes":"9"}}\n', "invalid frame"),
        (b'{"type":"welcome","protocol":1,"session":"s","limits":{"text_bytes":0}}\n', "invalid frame"),
        (b'{"type":"error"}\n', r"invalid frame \(error\)"),
        (b'{"type":"error","code":"x","message":"y","retry_after":NaN}\n', r"invalid frame \(error\)"),
        (b'{"type":"error","code":"x","message":"y","retry_after":-1}\n', r"invalid frame \(error\)"),
        (b'{"type":"closing"}\n', r"invalid frame \(closing\)"),
        (b'{"type":"joined"}\n', r"invalid frame \(joined\)"),
        (b'{"type":"welcome","protocol":1,"session":"\\ud800","limits":{}}\n', "invalid frame"),
        (b'{"type":"ping","token":"\\ud800"}\n', r"invalid frame \(ping\)"),
        (b'{"type":"error","code":7,"message":"y"}\n', r"invalid frame \(error\)"),
        (b'{"type":"error","code":"x","message":["y"]}\n', r"invalid frame \(error\)"),
        ('{"type":"ping"}'.encode("utf-16"), "the server does not speak this protocol"),
        (b"\xff\xfe{\n", "the server does not speak this protocol"),
    ],
)
def test_a_server_that_breaks_the_protocol_ends_it(data: bytes, words: str) -> None:
    server = Server(ONE)
    server.posting.receive_data(data)
    with pytest.raises(ProtocolError, match=words):
        raise server.posting.error or AssertionError


@pytest.mark.parametrize("seq", [None, "1", 0, -1, True, 1.5])
def test_an_acknowledgement_without_a_number_is_none(seq: object) -> None:
    server = Server(ONE)
    server.enter()
    server.say(type="ack", room="ops", id="1", seq=seq, durability="synced")
    assert isinstance(server.posting.error, ProtocolError)
    assert server.posting.acks == []


def test_a_server_of_another_version_is_refused() -> None:
    server = Server(ONE)
    server.say(type="welcome", protocol=2, server="x", session="s", nick="Ci", limits={})
    assert isinstance(error := server.posting.error, RefusedError)
    assert error.code == "unsupported_protocol"


def test_a_first_connection_that_is_lost_is_a_failure() -> None:
    server = Server(ONE)
    server.posting.connection_lost()
    assert isinstance(server.posting.error, DisconnectedError)


def test_nothing_invalid_is_sent() -> None:
    with pytest.raises(UsageError, match="a nick is"):
        Posting("two words", "ops", lambda _: [], clock=lambda: 0.0)
    with pytest.raises(UsageError, match="a room's name is"):
        Posting("ci", "ops\n", lambda _: [], clock=lambda: 0.0)
    server = Server(Said("\N{SNOWMAN}", None, "hello"))
    server.enter()
    assert isinstance(server.posting.error, UsageError)
    server = Server(error=RefusedError("too_long", "no"))
    server.welcome(text_bytes=5)
    server.join()
    assert isinstance(server.posting.error, RefusedError)
    assert server.types() == ["hello", "join"]
