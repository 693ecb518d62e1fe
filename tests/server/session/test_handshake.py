"""The handshake: which frames are accepted before `hello`, and what each kind of `hello` leads to."""

import pytest

from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    NickFrame,
    Ping,
    Pong,
    Post,
    Rooms,
    Search,
    Welcome,
    Who,
)
from tests.server.driver import Host

HELLO = Hello(protocol=1, nick="ana")


def test_hello_is_answered_with_a_nick_a_secret_and_the_limits() -> None:
    host = Host(text_bytes=1_000, rooms_per_session=None)
    peer = host.connect()
    assert peer.take() == []
    peer.send(HELLO)
    welcome = peer.one(Welcome)
    assert (welcome.protocol, welcome.nick) == (1, "ana")
    assert welcome.server.startswith("chatcore/")
    assert len(welcome.session) >= 32
    assert welcome.limits == host.hub.limits.for_client(dedupe_seconds=120.0).model_dump(exclude_none=True)
    assert not peer.ended


@pytest.mark.parametrize(
    "frame",
    [
        Join(room="lobby"),
        Leave(room="lobby"),
        Post(room="lobby", id="1", text="hi"),
        History(room="lobby"),
        Who(room="lobby"),
        NickFrame(nick="bob"),
        Rooms(),
        Search(query="hi"),
    ],
    ids=lambda frame: frame.type,
)
def test_a_frame_before_hello_is_refused_and_hello_may_follow(frame: ClientFrame) -> None:
    peer = Host().connect()
    peer.send(frame, HELLO)
    error = peer.error()
    assert (error.code, error.room) == ("bad_state", getattr(frame, "room", None))
    assert peer.one(Welcome).nick == "ana"
    assert not peer.ended


def test_the_refusal_of_a_post_before_hello_names_its_room_and_id() -> None:
    peer = Host().connect()
    peer.send(Post(room="Lobby", id="id-1", text="hi"))
    error = peer.error()
    assert (error.code, error.room, error.id) == ("bad_state", "lobby", "id-1")


@pytest.mark.parametrize(
    "frame",
    [History(room="lobby", token="t"), NickFrame(nick="bob", token="t"), Rooms(token="t")],
    ids=lambda frame: frame.type,
)
def test_the_refusal_of_a_request_before_hello_repeats_its_token(frame: ClientFrame) -> None:
    peer = Host().connect()
    peer.send(frame)
    assert peer.error().id == "t"


def test_before_hello_a_ping_is_answered_and_a_pong_is_ignored() -> None:
    peer = Host().connect()
    peer.send(Ping(token="t"), Pong(token="u"))
    assert peer.take() == [Pong(token="t")]


def test_a_second_hello_is_refused_and_the_session_continues() -> None:
    peer = Host().live("ana")
    peer.send(Hello(protocol=1, nick="bob"))
    assert peer.error().code == "bad_state"
    peer.send(Join(room="lobby"))
    assert peer.one(Joined).count == 1
    assert peer.session.nick == "ana"


def test_hello_with_an_invalid_nick_is_refused_and_another_hello_may_follow() -> None:
    peer = Host().connect()
    peer.feed(b'{"type":"hello","protocol":1,"nick":"a b"}\n')
    assert peer.error().code == "bad_name"
    peer.send(HELLO)
    assert peer.one(Welcome).nick == "ana"


@pytest.mark.parametrize("nick", ["admin", "Server", "ROOT", "4711", "0"])
def test_hello_with_a_reserved_or_numeric_nick_ends_the_connection(nick: str) -> None:
    peer = Host().connect()
    peer.send(Hello(protocol=1, nick=nick))
    assert peer.error().code == "bad_name"
    assert peer.take() == []
    assert peer.ended


@pytest.mark.parametrize("nick", ["ana", "Ana", "ANA"])
def test_hello_with_a_nick_taken_in_any_spelling_ends_the_connection(nick: str) -> None:
    host = Host()
    first, second = host.live("ana"), host.connect()
    second.send(Hello(protocol=1, nick=nick))
    assert second.error().code == "nick_taken"
    assert second.ended
    assert not first.ended


def test_an_older_client_gets_the_supported_protocol_and_the_connection_ends() -> None:
    peer = Host().connect()
    peer.send(Hello(protocol=0, nick="ana"))
    error = peer.error()
    assert error.code == "unsupported_protocol"
    assert error.message.endswith("protocol 1")
    assert peer.ended


def test_a_newer_client_gets_the_newest_supported_protocol() -> None:
    peer = Host().connect()
    peer.send(Hello(protocol=99, nick="ana"))
    assert peer.one(Welcome).protocol == 1


def test_a_refused_hello_leaves_the_nick_free() -> None:
    host = Host()
    host.connect().send(Hello(protocol=0, nick="ana"))
    assert host.live("ana").session.nick == "ana"


def test_an_unknown_secret_proves_nothing_and_becomes_that_of_the_new_session() -> None:
    host = Host()
    host.live("ana")
    secret = "x" * 32  # of a server that was restarted
    thief, owner = host.connect(), host.connect()
    thief.send(Hello(protocol=1, nick="ana", session=secret))
    assert thief.error().code == "nick_taken"
    owner.send(Hello(protocol=1, nick="bob", session=secret))
    assert owner.one(Welcome).session == secret


def test_a_malformed_secret_is_replaced() -> None:
    peer = Host().connect()
    peer.send(Hello(protocol=1, nick="ana", session="guess-me"))
    assert len(peer.one(Welcome).session) == 32


@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"SSH-2.0-x\r\n"],
    ids=repr,
)
def test_a_client_of_another_protocol_gets_one_error_and_the_connection_ends(start: bytes) -> None:
    peer = Host().connect()
    peer.feed(start)
    peer.feed(b'{"type":"hello","protocol":1,"nick":"ana"}\n')
    assert peer.error().code == "bad_frame"
    assert peer.take() == []
    assert peer.ended
    assert peer.received.count(b"\n") == 1


TEXT_ON_THIS_PORT = (
    "this port speaks newline-delimited JSON, not lines of text; connect to a plain:// address instead"
)


@pytest.mark.parametrize("text", [b"bob", b"/nick bob" * 20, "ž".encode()[:1]], ids=repr)
def test_text_without_a_newline_is_answered_within_a_second_and_the_connection_ends(text: bytes) -> None:
    host = Host()
    peer = host.connect()
    peer.feed(text)
    host.advance(0.1)
    assert peer.take() == []
    host.advance(0.9)
    error = peer.error()
    assert (error.code, error.message) == ("bad_frame", TEXT_ON_THIS_PORT)
    assert peer.take() == []
    assert peer.ended
    assert peer.received.endswith(b"\n")


def test_a_line_of_text_is_answered_in_the_same_words_and_hello_may_follow() -> None:
    peer = Host().connect()
    peer.feed(b"hello, is anybody here?\n")
    assert peer.error().message == TEXT_ON_THIS_PORT
    peer.send(HELLO)
    assert peer.one(Welcome).nick == "ana"


@pytest.mark.parametrize("parts", [(b"", b'{"type":"hello",'), (b"\r\n  ", b"{"), (b"{", b'"type":"hello",')])
def test_a_hello_that_pauses_anywhere_is_no_text(parts: tuple[bytes, ...]) -> None:
    host = Host()
    peer = host.connect()
    hello = b'{"type":"hello","protocol":1,"nick":"ana"}\n'
    sent = b"".join(parts).strip()
    for part in (*parts, hello[len(sent) :]):
        peer.feed(part)
        host.advance(2.0)
    assert peer.one(Welcome).nick == "ana"


@pytest.mark.parametrize("start", [b"x", b" ", b"bob"], ids=repr)
def test_a_typed_session_may_pause_inside_a_line_that_is_no_frame(start: bytes) -> None:
    host = Host()
    peer = host.live("ana")
    peer.feed(start)
    host.advance(5.0)
    assert not peer.ended
    assert peer.take() == []


def test_a_frame_of_unknown_type_is_refused_and_the_session_continues() -> None:
    peer = Host().connect()
    peer.feed(b'{"type":"auth","token":"x"}\n')
    assert peer.error().code == "unknown_type"
    peer.send(HELLO)
    peer.feed(b'{"type":"dance","room":"Lobby","id":"id-1"}\n')
    error = peer.error()
    assert (error.code, error.room, error.id) == ("unknown_type", "lobby", "id-1")
    assert not peer.ended


def test_an_overlong_line_is_reported_once_and_ends_the_session() -> None:
    host = Host(text_bytes=100, line_bytes=2_000)
    peer = host.live("ana")
    peer.feed(b"x" * 1_500, b"x" * 1_500, b"x" * 1_500, b'\n{"type":"ping"}\n')
    assert peer.error().code == "too_long"
    assert peer.take() == [Closing(reason="protocol")]
    assert peer.ended


def test_the_repr_of_a_session_names_its_peer_state_wire_and_rooms() -> None:
    host = Host()
    assert repr(host.connect(host="192.0.2.9", port=4711).session) == (
        "<Session 192.0.2.9:4711 handshake ndjson rooms=0>"
    )
    assert repr(host.member("ana").session) == "<Session ana live ndjson rooms=1>"
