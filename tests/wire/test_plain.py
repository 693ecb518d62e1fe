"""The plain wire: how lines of text are decoded, and how frames are encoded as lines."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import (
    Ack,
    Closing,
    Error,
    Gap,
    Hello,
    Invited,
    Join,
    Joined,
    Left,
    Members,
    Message,
    Moderated,
    NickFrame,
    Page,
    Ping,
    Post,
    Presence,
    RoomEntry,
    RoomList,
    ServerFrame,
    Who,
)
from chatcore.wire import Hangup, Item, Reply
from chatcore.wire.plain import plain
from tests.wire.reading import decode, decoder, fault
from tests.wire.strategies import text


def post(line: str, number: int = 1, kind: str | None = None) -> Post:
    """Return the post that a line decodes to."""
    return Post(room="lobby", id=str(number), kind=kind, text=line)


def item_of(line: bytes) -> Item:
    """Return the only item that a line decodes to."""
    (item,) = decode(plain, [line + b"\n"])
    return item


def message(line: str, nick: str = "ana", kind: str | None = None) -> Message:
    """Return a message with a text."""
    at = datetime(2026, 8, 5, tzinfo=UTC)
    return Message(room="lobby", seq=1, prev=0, id="1", nick=nick, kind=kind, text=line, at=at)


def lines_of(frame: ServerFrame) -> list[str]:
    """Return the lines that a frame is encoded as."""
    data = plain.encode(frame)
    assert not data or data.endswith(b"\n")
    return data.decode().split("\n")[:-1]


# --- in ------------------------------------------------------------------------------------------


def test_a_plain_connection_opens_with_a_hello_by_its_port_and_a_join_of_the_lobby() -> None:
    assert decoder(plain).opening(requires_key=False) == [Hello(protocol=1, nick="4711"), Join(room="lobby")]


def test_a_line_is_a_post_to_the_lobby_with_its_spaces_and_tabs_unchanged() -> None:
    assert item_of(b"  hello\tthere  ") == post("  hello\tthere  ")
    assert item_of("é \U0001f600 ا".encode()) == post("é \U0001f600 ا")


def test_two_plain_connections_never_make_the_same_id() -> None:
    ids = [
        item.id
        for _ in range(9)
        for item in decoder(plain).receive_data(b"a\nb\n", 0.0)
        if isinstance(item, Post)
    ]
    assert len(set(ids)) == 18


@pytest.mark.parametrize(
    ("line", "item"),
    [
        (b"/who", Who(room="lobby")),
        (b"/quit", Hangup()),
        (b"/nick ana", NickFrame(nick="ana")),
        (b"  /nick   ana  ", NickFrame(nick="ana")),
        (b"/nick 123", NickFrame(nick="123")),
        (b"/who is there", Who(room="lobby")),
        (b"/quit now", Hangup()),
        (b"/whoever", post("/whoever")),
        (b"/Nick ana", post("/Nick ana")),
        (b"/join room", post("/join room")),
        (b"//who", post("//who")),
        (b"say /who", post("say /who")),
        (b"/me waves", post("waves", kind="action")),
        (b"  /me   waves at  bob  ", post("waves at  bob", kind="action")),
        (b"/me", post("/me")),
        (b"/me  ", post("/me  ")),
        (b"/mean", post("/mean")),
        (b"/Me waves", post("/Me waves")),
        (b"/me\twaves", post("/me\twaves")),
        (b"/notice deployed", post("deployed", kind="notice")),
        (b"/notice", post("/notice")),
        (b"/notices all", post("/notices all")),
    ],
)
def test_commands_are_recognised_and_every_other_line_is_a_post(line: bytes, item: Item) -> None:
    assert item_of(line) == item


def test_the_answer_to_help_names_the_other_commands() -> None:
    reply = item_of(b"/help")
    assert isinstance(reply, Reply)
    assert reply.data.startswith(b"* ")
    assert reply.data.count(b"\n") == 1
    assert all(command in reply.data for command in (b"/me", b"/notice", b"/nick", b"/who", b"/quit"))


@pytest.mark.parametrize("nick", [b"", b"a b", b"#a", "ä".encode(), b"x" * 33, b"* ", b"a:"])
def test_a_nick_command_with_an_invalid_nick_is_a_bad_name(nick: bytes) -> None:
    found = fault([item_of(b"/nick " + nick)])
    assert (found.code, found.fatal) == ("bad_name", False)


def test_a_line_with_a_control_character_is_refused_rather_than_cleaned() -> None:
    controls = [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)] if code not in b"\t\n\r"]
    for control in controls:
        found = fault([item_of(f"a{control}b".encode())])
        assert (found.code, found.room, found.fatal) == ("bad_text", "lobby", False)


@pytest.mark.parametrize("line", [b"a\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"caf\xe9"])
def test_a_line_that_is_not_utf8_is_refused_and_the_next_one_accepted(line: bytes) -> None:
    refused, taken = decode(plain, [line + b"\nhi\n"])
    assert isinstance(refused, Fault)
    assert (refused.code, refused.room, refused.fatal) == ("bad_text", "lobby", False)
    assert taken == post("hi")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_in_utf16_or_utf32_is_refused(encoding: str) -> None:
    items = decode(plain, ["hello\n".encode(encoding)])
    assert items
    assert all(isinstance(item, Fault) and item.code == "bad_text" for item in items)


def test_a_byte_order_mark_is_an_ordinary_character() -> None:
    assert item_of(b"\xef\xbb\xbfhi") == post("\ufeffhi")


HELLO = b'{"session":"secret","protocol":1,"nick":"ana","type":"hello"}'
"""What a client of the typed wire begins with; in any order, so the secret may come first."""


@pytest.mark.parametrize(
    "stream",
    [HELLO + b"\n", b"\r\n\n " + HELLO + b"\n" + HELLO + b"\nhello\n", HELLO, b'{"type":"x.new"}\n'],
    ids=["a line", "lines", "without its end", "another type"],
)
def test_a_first_line_that_is_a_frame_is_one_fatal_fault_and_nothing_else(stream: bytes) -> None:
    for segments in ([stream], [stream[n : n + 1] for n in range(len(stream))]):
        found = fault(decode(plain, segments))
        assert (found.code, found.fatal, found.room, found.id) == ("bad_frame", True, None, None)
        assert found.message == (
            "this port speaks lines of text, not JSON; connect to a chat:// address of this server instead"
        )


def test_the_end_of_the_stream_posts_no_part_of_a_frame() -> None:
    for cut in range(2, len(HELLO)):
        assert fault(decode(plain, [HELLO[:cut]])).fatal


def test_silence_in_a_frame_posts_no_part_of_it() -> None:
    for cut in range(2, len(HELLO)):
        reader = decoder(plain)
        assert reader.receive_data(HELLO[:cut], 0.0) == reader.handle_deadline(1.0) == []
        assert reader.deadline is None
        assert fault(reader.receive_data(HELLO[cut:] + b"\n", 2.0)).fatal


def test_silence_after_a_frame_ends_it() -> None:
    reader = decoder(plain)
    assert reader.receive_data(HELLO, 0.0) == []
    assert fault(reader.handle_deadline(1.0)).fatal
    assert reader.receive_data(b"\nhello\n", 2.0) == reader.receive_eof() == []


@pytest.mark.parametrize(
    "line",
    [b"{", b"{}", b"{hello}", b'{"user": "ana"}', b'["type"]', b'"type"', b'{"type":"x"} is a frame', b"42"],
)
def test_a_first_line_of_other_json_is_ordinary_text(line: bytes) -> None:
    assert item_of(line) == post(line.decode())
    assert decode(plain, [line]) == [post(line.decode())]
    reader = decoder(plain)
    reader.receive_data(line, 0.0)
    (item,) = reader.handle_deadline(1.0)
    assert isinstance(item, Post)
    assert item.text == line.decode()


def test_a_later_line_of_json_is_ordinary_text() -> None:
    line = HELLO.decode()
    assert decode(plain, [b"look:\n" + HELLO + b"\n"]) == [post("look:"), post(line, 2)]


def test_a_frame_without_end_is_parsed_once_for_each_silence_and_not_for_each_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[bytes] = []

    def counted(line: bytes) -> bool:
        parsed.append(line)
        return True

    monkeypatch.setattr("chatcore.wire.plain.is_frame", counted)
    monkeypatch.setattr("chatcore.wire.plain.may_become_frame", counted)
    reader = decoder(plain)
    for byte in HELLO:
        reader.receive_data(bytes([byte]), 0.0)
    assert parsed == []
    assert reader.handle_deadline(1.0) == []
    assert parsed == [HELLO]


@pytest.mark.parametrize("command", [b"/me", b"/notice"])
def test_a_control_character_is_refused_in_every_kind(command: bytes) -> None:
    assert fault([item_of(command + b" a\x1b[2J")]).code == "bad_text"


# --- telnet --------------------------------------------------------------------------------------

TELNET = {
    "an option": b"\xff\xfb\x1f",
    "an option whose number is a newline": b"\xff\xfd\x0a",
    "an option whose number is a carriage return": b"\xff\xfb\x0d",
    "a command": b"\xff\xf4",
    "nothing": b"\xff\xf1",
    "a subnegotiation": b"\xff\xfa\x18\x00xterm\xff\xf0",
    "a window of ten by thirteen": b"\xff\xfa\x1f\x00\x0a\x00\x0d\xff\xf0",
    "a subnegotiation with an escaped 255": b"\xff\xfa\x1f\x00\xff\xff\xff\xf0",
    "several": b"\xff\xfb\x1f\xff\xfb\x20\xff\xfd\x03\xff\xf9",
}


@pytest.mark.parametrize("command", TELNET.values(), ids=TELNET)
def test_telnet_commands_are_removed_wherever_they_stand_and_however_they_are_split(command: bytes) -> None:
    for stream in (
        command + b"hello\r\n",
        b"hel" + command + b"lo\r\n",
        b"hello" + command + b"\r\n" + command,
    ):
        assert decode(plain, [stream]) == [post("hello")]
        assert decode(plain, [stream[n : n + 1] for n in range(len(stream))]) == [post("hello")]


def test_telnet_may_end_a_line_with_a_carriage_return_and_nul() -> None:
    expected = [post("a"), post("b", 2)]
    assert decode(plain, [b"a\r\x00b\r\x00"]) == expected
    assert decode(plain, [b"a\r", b"\x00b\r", b"\x00"]) == expected


def test_an_escaped_byte_of_255_is_not_valid_text() -> None:
    assert fault(decode(plain, [b"a\xff\xffb\n"])).code == "bad_text"


# --- out -----------------------------------------------------------------------------------------


def test_a_message_is_encoded_as_its_nick_and_text() -> None:
    assert lines_of(message("hello")) == ["ana: hello"]


def test_every_line_of_an_encoded_text_begins_with_the_nick() -> None:
    assert lines_of(message("one\n\nbob: two\n", "ana")) == ["ana: one", "ana: ", "ana: bob: two", "ana: "]


LONGEST = 16 * 1024
"""Bytes of a text, by the default limits."""


@pytest.mark.parametrize("kind", [None, "action", "notice"])
@pytest.mark.parametrize("piece", ["\n", "\u2028", "x\n", "\n\n\nbob: x", "\u2029x"], ids=ascii)
def test_a_text_of_line_ends_is_hardly_longer_for_its_readers(piece: str, kind: str | None) -> None:
    content = piece * (LONGEST // len(piece.encode()))
    nick = "n" * 32
    data = plain.encode(message(content, nick, kind))
    assert len(data) <= 3 * len(content.encode()) + 100 * 50
    lines = data.decode().removesuffix("\n").split("\n")
    assert len(lines) == 100
    assert [line for line in lines if not line.startswith(nick)] == []


def test_a_text_of_many_lines_loses_none_of_its_words() -> None:
    words = [f"word-{number}" for number in range(250)]
    lines = lines_of(message("\n".join(words), "ana"))
    assert lines[:99] == [f"ana: {word}" for word in words[:99]]
    assert lines[99:] == ["ana: " + "\u21b5".join(words[99:])]
    assert lines_of(message("\n".join(words[:100]), "ana")) == [f"ana: {word}" for word in words[:100]]


@given(content=text)
def test_no_text_can_pass_for_a_line_of_another_member(content: str) -> None:
    data = plain.encode(message(content, "ana")).decode()
    assert all(line.startswith("ana: ") for line in data.splitlines())
    assert data.endswith("\n")
    assert "".join(data.replace("ana: ", "").split()) == "".join(content.replace("ana: ", "").split())


@pytest.mark.parametrize("nick", ["bob", "3", "server-"])
@pytest.mark.parametrize(
    ("kind", "content", "lines"),
    [
        (None, "looks fine", ["{}: looks fine"]),
        (None, "/me here: ann bob", ["{}: /me here: ann bob"]),
        ("action", "looks around", ["{}: /me looks around"]),
        ("action", "looks\nand here: ann bob", ["{}: /me looks", "{}: and here: ann bob"]),
        ("action", "\u2028/me waves", ["{}: /me ", "{}: /me waves"]),
        ("notice", "deployed", ["{} (notice): deployed"]),
        ("notice", "one\n\n* two\n", ["{} (notice): " + line for line in ("one", "", "* two", "")]),
        ("x.poll", "yes\nor no", ["{}: yes", "{}: or no"]),
        ("edit", "looks good", ["{}: looks good"]),
    ],
)
def test_every_line_of_a_message_of_any_kind_has_its_prefix(
    nick: str, kind: str | None, content: str, lines: list[str]
) -> None:
    assert lines_of(message(content, nick, kind)) == [line.format(nick) for line in lines]


@given(
    content=text,
    kind=st.sampled_from([None, "action", "notice", "x.a"]),
    nick=st.sampled_from(["3", "server-"]),
)
def test_no_kind_can_pass_for_a_line_of_the_server_or_of_another(
    content: str, kind: str | None, nick: str
) -> None:
    prefix = f"{nick} (notice): " if kind == "notice" else f"{nick}: "
    lines = plain.encode(message(content, nick, kind)).decode().splitlines()
    assert [line for line in lines if not line.startswith(prefix)] == []


@pytest.mark.parametrize(
    ("frame", "lines"),
    [
        (Members(room="lobby", nicks=("ana", "4711"), count=2, more=False), ["* 2 here: ana 4711"]),
        (Members(room="lobby", nicks=("ana",), count=9, more=True), ["* 9 here: ana and 8 more"]),
        (NickFrame(nick="ana"), ["* you are now ana"]),
        (Gap(room="lobby", after=1, through=9, reason="expired"), ["* messages are missing here (expired)"]),
        (Error(code="too_long", message="not sent"), ["* not sent (too_long)"]),
        (
            Error(code="rate_limited", message="too fast", retry_after=0.25),
            ["* too fast (rate_limited), try again in 0.2 s"],
        ),
        (Closing(reason="drain"), ["* the server ends this connection (drain)"]),
        (Ack(room="lobby", id="1", seq=1, durability="memory"), []),
        (Joined(room="lobby", epoch="e", head=1, after=1, count=1), []),
        (Presence(room="lobby", joined=("ana",), count=1), []),
        (
            Left(room="lobby", reason="expelled"),
            ["* you were put out of the room; to enter it again, connect again"],
        ),
        (Left(room="lobby"), []),
        (Invited(), ["* somebody with your account asked for an invite for one more device"]),
        (Moderated(act="mute", room="lobby"), ["* you are muted in this room"]),
        (Moderated(act="lift", room="lobby"), ["* you may speak again in this room"]),
        (RoomList(rooms=(RoomEntry(room="a", count=1, head=0),), more=False), []),
        (Ping(), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_frame_is_encoded_as_a_line_with_a_star_or_as_nothing(frame: ServerFrame, lines: list[str]) -> None:
    assert lines_of(frame) == lines


def test_a_page_of_history_is_encoded_as_nothing_on_the_plain_wire() -> None:
    head = Page(room="lobby", epoch="e", base=0, more=False, messages=())
    assert decoder(plain).encode_page(head, [b"ana: hi\n"]) == b""


def test_a_typed_client_is_told_one_thing_also_when_its_next_line_is_too_long() -> None:
    items = decode(
        plain, [b'{"type":"ping"}\n' + b"x" * 3_000, b"x"], Limits(line_bytes=2_000, text_bytes=100)
    )
    assert [isinstance(item, Fault) and item.fatal for item in items] == [True]
