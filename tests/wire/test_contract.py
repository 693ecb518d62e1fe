"""What every wire owes: the same items however the bytes are split, no exception, bounded memory."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import Fault
from chatcore.messages import Gap, Message, Ping, Post, Stored, encode
from chatcore.wire import Codec, Item, Reply, Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from chatcore.wire.websocket import WebSocket
from tests.wire import websocket
from tests.wire.framed import HANDSHAKE, framed, wrap
from tests.wire.reading import SMALL, bytes_held, decode, decoder, fault
from tests.wire.strategies import noise, split

LINE_WIRES = [pytest.param(ndjson, id="ndjson"), pytest.param(plain, id="plain")]
every_line_wire = pytest.mark.parametrize("wire", LINE_WIRES)
every_wire = pytest.mark.parametrize(
    "wire",
    [*LINE_WIRES, pytest.param(framed, id="framed"), pytest.param(WebSocket(), id="websocket")],
)

_PING = b'{"type":"ping"}'
LINES = {"ndjson": _PING, "plain": b"hello", "framed": _PING, "websocket": _PING}
"""A valid payload of each wire."""


def opening(wire: Wire) -> bytes:
    """Return the handshake of a wire that has one."""
    return {"framed": HANDSHAKE, "websocket": websocket.request()}.get(wire.name, b"")


def write(wire: Wire, payload: bytes) -> bytes:
    """Return a payload as the peer of a wire writes it."""
    match wire.name:
        case "framed":
            return wrap(payload)
        case "websocket":
            return websocket.text(payload)
        case _:
            return payload + b"\n"


def content(item: Item) -> str:
    """Return what a valid line decodes to, without what differs from line to line."""
    return item.text if isinstance(item, Post) else type(item).__name__


@every_wire
@given(data=st.data(), stream=noise)
def test_any_split_of_any_bytes_gives_the_same_items(data: st.DataObject, wire: Wire, stream: bytes) -> None:
    for whole in (stream, opening(wire) + write(wire, LINES[wire.name]) + stream):
        segments = data.draw(split(whole))
        assert decode(wire, segments, SMALL) == decode(wire, [whole], SMALL)


@every_wire
@given(stream=st.binary(max_size=3_000))
def test_a_decoder_never_raises_whatever_the_bytes(wire: Wire, stream: bytes) -> None:
    items = decode(wire, [stream], SMALL)
    assert len(items) <= len(stream) + 1  # the end may be an item too


@every_wire
@given(data=st.data(), stream=noise, lines=st.integers(1, 9))
def test_a_stream_cut_into_turns_gives_the_same_items(
    data: st.DataObject, wire: Wire, stream: bytes, lines: int
) -> None:
    whole = opening(wire) + write(wire, LINES[wire.name]) * 3 + stream
    codec = decoder(wire, SMALL)
    turns = [part for piece in data.draw(split(whole)) for part in in_turns(codec, piece, lines)]
    assert decode(wire, turns, SMALL) == decode(wire, [whole], SMALL)


@every_wire
def test_a_stream_that_comes_byte_by_byte_is_cut_alike(wire: Wire) -> None:
    whole = opening(wire) + write(wire, LINES[wire.name]) * 3
    codec = decoder(wire)
    for number in range(len(whole)):
        assert in_turns(codec, whole[number : number + 1], 8) == [whole[number : number + 1]]


def in_turns(codec: Codec, data: bytes, lines: int) -> list[bytes]:
    """Let a codec decode data turn by turn; return the parts."""
    parts = []
    while data:
        size, count = codec.cut(data, lines)
        assert 0 < size <= len(data)
        assert 0 <= count <= lines
        codec.receive_data(data[:size], 0.0)
        parts.append(data[:size])
        data = data[size:]
    return parts


@every_wire
def test_a_turn_yields_few_items_however_much_has_come(wire: Wire) -> None:
    codec = decoder(wire)
    codec.receive_data(opening(wire), 0.0)
    stream = write(wire, LINES[wire.name]) * 1_000
    size, _ = codec.cut(stream, 8)
    assert 0 < len(codec.receive_data(stream[:size], 0.0)) <= 32


@every_line_wire
@given(data=st.data(), rest=noise)
def test_an_overlong_line_is_one_fatal_fault_however_it_is_split(
    data: st.DataObject, wire: Wire, rest: bytes
) -> None:
    valid = LINES[wire.name] + b"\n"
    stream = valid + b"x" * (SMALL.line_bytes + 1) + rest
    reader = decoder(wire, SMALL)
    items = [item for segment in data.draw(split(stream)) for item in reader.receive_data(segment, 0.0)]
    assert len(items) == 2
    last = items[1]
    assert isinstance(last, Fault)
    assert (last.code, last.fatal) == ("too_long", True)
    assert reader.receive_data(valid, 0.0) == []
    assert reader.receive_eof() == []


@every_line_wire
def test_a_line_one_byte_over_the_limit_is_refused_before_its_end_arrives(wire: Wire) -> None:
    line = b"x" * (SMALL.line_bytes + 1)
    for segments in ([line], [line[:-1], b"x"], [line + b"\n"]):
        assert fault(decode(wire, segments, SMALL, eof=False)).code == "too_long"


@every_line_wire
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_line_without_an_end_is_not_buffered_beyond_the_limit(wire: Wire, size: int) -> None:
    reader = decoder(wire, SMALL)
    before = bytes_held(reader)
    most = 0
    for _ in range(0, 4 * SMALL.line_bytes, size):
        reader.receive_data(b"x" * size, 0.0)
        most = max(most, bytes_held(reader))
    assert most <= before + SMALL.line_bytes + 64
    assert bytes_held(reader) <= before + 64


@every_line_wire
def test_a_line_of_exactly_the_limit_is_accepted(wire: Wire) -> None:
    line = LINES[wire.name].ljust(SMALL.line_bytes)
    for segments in ([line + b"\n"], [line, b"\n"], [line[:9], line[9:] + b"\n"]):
        (item,) = decode(wire, segments, SMALL)
        assert not isinstance(item, Fault)


@every_line_wire
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\n\n", b"\n\r\n"], ids=repr)
def test_every_newline_ends_a_line_and_empty_lines_are_ignored(wire: Wire, end: bytes) -> None:
    line = LINES[wire.name]
    stream = end + line + end + line + end
    expected = [content(item) for item in decode(wire, [line + b"\n", line + b"\n"])]
    assert [content(item) for item in decode(wire, [stream])] == expected
    assert len(expected) == 2


@every_wire
def test_a_thousand_lines_in_one_segment_are_a_thousand_items_in_sequence(wire: Wire) -> None:
    pattern = b"%d" if wire is plain else b'{"type":"ping","token":"%d"}'
    stream = opening(wire) + b"".join(write(wire, pattern % n) for n in range(1_000))
    items = [item for item in decode(wire, [stream], eof=False) if not isinstance(item, Reply)]
    contents = [item.token if isinstance(item, Ping) else content(item) for item in items]
    assert contents == [str(n) for n in range(1_000)]


@every_line_wire
def test_the_end_of_the_stream_ends_the_last_line(wire: Wire) -> None:
    line = LINES[wire.name]
    assert decode(wire, [line], eof=False) == []
    assert decode(wire, [line]) == decode(wire, [line + b"\n"])


@every_line_wire
def test_a_stream_that_ends_within_a_character_is_one_fault(wire: Wire) -> None:
    found = fault(decode(wire, [b"\xf0\x9f\x98"]))
    assert found.code in ("bad_frame", "bad_text")


@every_line_wire
def test_a_second_end_of_the_stream_yields_nothing(wire: Wire) -> None:
    reader = decoder(wire)
    reader.receive_data(LINES[wire.name], 0.0)
    assert len(reader.receive_eof()) == 1
    assert reader.receive_eof() == []
    assert reader.receive_data(b"", 0.0) == []


@every_line_wire
@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
        ("HTTP", b"POST /" + b"a" * 900 + b" HTTP/1.1\r\n\r\n" + LINES["ndjson"] + b"\n"),
        ("HTTP", b"CONNECT example.org:443 HTTP/1.1\r\n\r\n"),
        ("HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03"),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("PROXY", b"PROXY TCP4 192.0.2.7 192.0.2.8 40000 7024\r\nhello\r\n"),
        ("PROXY", b"PROXY UNKNOWN\r\nhello\r\n"),
        ("PROXY", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x9c\x40\x1b\x70"),
    ],
)
def test_another_protocol_is_refused_once_by_name_whole_or_byte_by_byte(
    wire: Wire, name: str, start: bytes
) -> None:
    found = fault(decode(wire, [start]))
    assert (found.code, found.fatal) == ("bad_frame", True)
    assert found.message.endswith(f"not {name}")
    assert decode(wire, [start[n : n + 1] for n in range(len(start))]) == [found]


@every_line_wire
def test_input_after_another_protocol_is_discarded_and_not_buffered(wire: Wire) -> None:
    reader = decoder(wire)
    before = bytes_held(reader)
    reader.receive_data(b"GET / HTTP/1.1\r\nX: y", 0.0)
    assert reader.receive_data(LINES[wire.name] + b"\n", 0.0) == []
    assert reader.receive_eof() == []
    assert bytes_held(reader) <= before
    assert reader.deadline is None


@every_line_wire
@pytest.mark.parametrize(
    "line", [b"get / http/1.1", b"GETTING / out", b"SSH keys", b"PROXY", b"A / HTTP/1.1", b"I GET IT"]
)
def test_a_line_that_only_resembles_another_protocol_is_not_fatal(wire: Wire, line: bytes) -> None:
    (item,) = decode(wire, [line + b"\n"])
    assert not (isinstance(item, Fault) and item.fatal)


@every_line_wire
def test_an_http_request_in_mid_stream_is_only_a_line(wire: Wire) -> None:
    items = decode(wire, [LINES[wire.name] + b"\nGET / HTTP/1.1\r\n" + LINES[wire.name] + b"\n"])
    assert len(items) == 3
    assert not any(isinstance(item, Fault) and item.fatal for item in items)


@every_wire
def test_a_codec_is_open_once_its_handshake_is_done(wire: Wire) -> None:
    codec = decoder(wire)
    assert codec.open is not bool(opening(wire))
    for number in range(len(opening(wire))):
        assert not codec.open
        codec.receive_data(opening(wire)[number : number + 1], 0.0)
    assert codec.open


KINDS = [(None, None), ("action", None), ("notice", None), ("x.poll", None), ("x.poll", 7), ("edit", 1)]
every_kind = pytest.mark.parametrize(("kind", "target"), KINDS)

AT = datetime(2026, 8, 5, tzinfo=UTC)


@every_wire
@every_kind
def test_a_room_and_an_answer_write_a_frame_the_same(
    wire: Wire, kind: str | None, target: int | None
) -> None:
    codec = decoder(wire)
    codec.receive_data(opening(wire), 0.0)
    message = Message(
        room="lobby", seq=9, prev=0, id="i", nick="ana", kind=kind, target=target, text="one\ntwo", at=AT
    )
    gap = Gap(room="lobby", after=1, through=2, reason="expired")
    stored = wire.encode_stored(Stored.of(message))
    assert wire.join([stored]) == wire.encode(message) == codec.encode(message)
    assert wire.join([]) == b""
    assert wire.encode(gap) == codec.encode(gap)


@every_line_wire
def test_a_wire_without_a_goodbye_of_its_own_ends_with_its_stream(wire: Wire) -> None:
    codec = decoder(wire)
    assert codec.ending() == b""
    assert codec.receive_eof() == []


SAID: dict[tuple[str, str | None], bytes] = {
    ("plain", None): b"waves",
    ("plain", "action"): b"/me waves",
    ("plain", "notice"): b"/notice waves",
}
"""What a peer of a wire that has words of its own says to post a text of a kind."""


def say(wire: Wire, kind: str | None) -> bytes:
    """Return a payload that posts a text of a kind."""
    if wire is plain:
        return SAID[wire.name, kind]
    return encode(Post(room="lobby", id="1", kind=kind, text="waves"))[:-1]


@every_wire
@pytest.mark.parametrize("kind", [None, "action", "notice"])
@pytest.mark.parametrize("nick", ["3", "server-"])
def test_what_is_said_done_or_noticed_can_be_told_apart_on_every_wire(
    wire: Wire, kind: str | None, nick: str
) -> None:
    items = decode(wire, [opening(wire) + write(wire, say(wire, kind))])
    (post,) = (item for item in items if isinstance(item, Post))
    assert (post.kind, post.text) == (kind, "waves")
    shown = [
        wire.encode(Message(room="lobby", seq=1, prev=0, id="i", nick=nick, kind=each, text="waves", at=AT))
        for each in (None, "action", "notice")
    ]
    assert len(set(shown)) == 3
    assert not any(each.startswith(b"* ") for each in shown)
