"""The WebSocket wire once its socket is open: frames in both directions, and how a connection ends.

The package ``wsproto`` is the other implementation: it reads what we write, and reads with us what clients
write.
"""

import json
import random
import struct
from collections.abc import Iterator

import pytest
from wsproto.frame_protocol import ParseFailed

from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import Ack, Closing, ClosingWord, Error, Gap, Ping, Post, Stored, Welcome, encode
from chatcore.site import Site
from chatcore.wire import Codec, Hangup, Item, Reply
from chatcore.wire.framing import MESSAGE_BYTES
from chatcore.wire.websocket import WebSocket
from tests.rows import STREAMS
from tests.wire.reading import PEER, SMALL
from tests.wire.websocket import (
    CloseReason,
    FrameProtocol,
    Opcode,
    close,
    continued,
    raw_frame,
    request,
    text,
)

PING = b'{"type":"ping"}'


def opened(limits: Limits | None = None) -> Codec:
    """Return a codec whose socket is open."""
    codec = WebSocket().codec(PEER, limits or Limits())
    codec.receive_data(request(), 0.0)
    assert codec.open
    return codec


def items_of(*segments: bytes, limits: Limits | None = None) -> list[Item]:
    codec = opened(limits)
    return [item for segment in segments for item in codec.receive_data(segment, 0.0)]


def frames_of(data: bytes) -> list[tuple[Opcode, object]]:
    """Return the messages and control frames that a client reads, which must be whole."""
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(data)
    frames = list(client.received_frames())
    assert all(frame.message_finished for frame in frames)
    return [(frame.opcode, frame.payload) for frame in frames]


def lines_of(data: bytes) -> list[str]:
    """Return the lines in text messages, of which each ends with one."""
    lines = []
    for opcode, payload in frames_of(data):
        assert opcode is Opcode.TEXT
        assert isinstance(payload, str)
        assert payload.endswith("\n")
        lines += payload.splitlines()
    return lines


# --- what clients write --------------------------------------------------------------------------


def test_a_message_in_several_frames_is_one_frame_of_the_protocol() -> None:
    post = encode(Post(room="lobby", id="1", text="æøå" * 50))
    parts = [part.encode() for part in (post.decode()[:30], post.decode()[30:90], post.decode()[90:])]
    first, second, third = continued(parts)
    pong = raw_frame(0x9, b"?")
    reply, item = items_of(first, second, pong, third)
    assert reply == Reply(b"\x8a\x01?")
    assert item == Post(room="lobby", id="1", text="æøå" * 50)


def test_a_ping_is_answered_with_what_it_carries_and_a_pong_is_a_sign_of_life_only() -> None:
    assert items_of(raw_frame(0x9, b"abc") + raw_frame(0xA, b"abc")) == [Reply(b"\x8a\x03abc")]


def test_a_message_that_is_not_a_frame_of_the_protocol_is_a_fault_and_no_more() -> None:
    fault, empty, ping = items_of(text(b'{"type":"pong","token":1}') + text(b"") + text(PING + b"\n"))
    assert isinstance(fault, Fault)
    assert isinstance(empty, Fault)
    assert not fault.fatal
    assert not empty.fatal
    assert ping == Ping()


def test_several_lines_in_a_message_of_a_client_are_a_fault() -> None:
    (fault,) = items_of(text(PING + b"\n" + PING))
    assert isinstance(fault, Fault)


FAILURES = {
    "binary": (raw_frame(0x2, PING), 1003, "bad_frame"),
    "not UTF-8": (raw_frame(0x1, b'"\xff"'), 1007, "bad_frame"),
    "too long": (raw_frame(0x1, b" " * (SMALL.line_bytes + 1)), 1009, "too_long"),
    "too long in parts": (
        raw_frame(0x1, b" " * SMALL.line_bytes, fin=False) + raw_frame(0x0, b"  "),
        1009,
        "too_long",
    ),
    "2^63 bytes": (b"\x81\xff" + struct.pack(">Q", 2**63) + b"mask", 1009, "too_long"),
    "unmasked": (b"\x81\x02{}", 1002, "bad_frame"),
    "an unknown opcode": (raw_frame(0x3, b""), 1002, "bad_frame"),
    "a reserved bit": (raw_frame(0x41, b"{}"), 1002, "bad_frame"),
    "a part of nothing": (raw_frame(0x0, b"{}"), 1002, "bad_frame"),
    "a message amid another": (raw_frame(0x1, b"{", fin=False) + raw_frame(0x1, b"}"), 1002, "bad_frame"),
    "a long ping": (raw_frame(0x9, b"x" * 126), 1002, "bad_frame"),
    "a ping in parts": (raw_frame(0x9, b"x", fin=False), 1002, "bad_frame"),
    "a close frame of one byte": (raw_frame(0x8, b"x"), 1002, "bad_frame"),
    "a close frame with a code of nobody": (raw_frame(0x8, struct.pack(">H", 1006)), 1002, "bad_frame"),
}


@pytest.mark.parametrize("why", FAILURES)
def test_a_stream_that_is_out_of_step_ends_with_its_code(why: str) -> None:
    stream, code, word = FAILURES[why]
    codec = opened(SMALL)
    *_, fault = codec.receive_data(stream + text(PING), 0.0)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == (word, True)
    assert codec.receive_data(text(PING), 0.0) == codec.receive_eof() == []
    codec.encode(Error(code=fault.code, message=fault.message))
    assert frames_of(codec.ending()) == [(Opcode.CLOSE, (code, ""))]


@pytest.mark.parametrize("why", FAILURES)
def test_it_ends_alike_byte_by_byte(why: str) -> None:
    stream = FAILURES[why][0]
    assert items_of(*(stream[n : n + 1] for n in range(len(stream))), limits=SMALL) == items_of(
        stream, limits=SMALL
    )


def test_a_longest_message_is_taken_and_a_stream_of_empty_parts_takes_no_memory() -> None:
    longest = PING.ljust(SMALL.line_bytes)
    parts = raw_frame(0x1, b"", fin=False) + raw_frame(0x0, b"", fin=False) * 5_000
    assert items_of(text(longest), parts, raw_frame(0x0, longest), limits=SMALL) == [Ping(), Ping()]


@pytest.mark.parametrize(
    ("code", "lost"), [(1000, False), (None, False), (1001, True), (1011, True), (3000, True), (4000, True)]
)
def test_a_close_frame_is_a_goodbye_or_a_loss_and_is_answered_alike(code: int | None, lost: bool) -> None:
    codec = opened()
    assert codec.receive_data(close(code) + text(PING), 0.0) == [Hangup(lost=lost)]
    assert codec.receive_eof() == []
    (answer,) = frames_of(codec.ending())
    assert answer == (Opcode.CLOSE, (code or CloseReason.NO_STATUS_RCVD, ""))


def test_a_stream_that_ends_without_a_close_frame_is_a_loss() -> None:
    codec = opened()
    codec.receive_data(text(PING)[:-1], 0.0)
    assert codec.receive_eof() == [Hangup(lost=True)]
    assert codec.receive_eof() == []


def test_a_turn_is_so_many_frames_whatever_they_hold() -> None:
    codec = opened()
    long, stream = text(PING.ljust(60_000)), text(b"") * 3 + text(PING.ljust(60_000)) + text(PING) * 9
    assert codec.cut(stream, 4) == (3 * len(text(b"")) + len(long), 4)
    codec.receive_data(long[:9], 0.0)
    assert codec.cut(long[9:] + stream, 2) == (len(long) - 9 + 2 * len(text(b"")), 2)
    codec.receive_data(long[9:] + text(PING)[:1], 0.0)
    assert codec.cut(text(PING)[1:] + stream, 1) == (len(text(PING)) - 1, 1)
    assert opened().cut(text(PING)[:1], 1) == (1, 0)


# --- another implementation ----------------------------------------------------------------------


def streams(count: int) -> Iterator[tuple[random.Random, bytes]]:
    """Yield streams of frames, a few of them damaged. None closes amid a message: see below."""
    for seed in range(count):
        chance = random.Random(seed)
        stream, amid = b"", False
        for _ in range(chance.randrange(1, 12)):
            kind = chance.choice(("text", "text", "part", "ping", "pong", "close", "noise"))
            payload = chance.choice(
                (b"", PING, "é".encode() * chance.randrange(200), b"x" * chance.choice((200, 70_000)))
            )
            if kind == "close":
                if not amid:
                    stream += close(chance.choice((1000, 1001, None, 3999)))
            elif kind in ("ping", "pong"):
                stream += raw_frame(0x9 if kind == "ping" else 0xA, payload[:125])
            elif kind == "noise" and chance.random() < 0.2:
                # Whatever begins there ends: we look at a frame when it is whole, and others at its header.
                # No length begins with zeros, which others refuse; to us it is the number that it is.
                yield chance, stream + chance.randbytes(chance.randrange(8)) + b"\xff" * 70_000
                break
            elif kind in ("text", "part"):
                stream += raw_frame(0x0 if amid else 0x1, payload, fin=kind == "text")
                amid = kind == "part"
        else:
            yield chance, stream


def seen_by_us(segments: list[bytes]) -> list[object]:
    """Return what our codec makes of a stream: what is a fault of the protocol above is a message here."""
    seen: list[object] = []
    for item in items_of(*segments, limits=Limits(line_bytes=1024 * 1024)):
        match item:
            case Reply(data=data):
                seen.append(("ping", data[2:]))
            case Hangup(lost=lost):
                seen.append(("close", lost))
            case Fault(fatal=True):
                seen.append("failed")
            case _:
                seen.append("message")
    return seen


def seen_by_wsproto(stream: bytes) -> list[object]:
    """Return what the other implementation makes of it."""
    server, seen = FrameProtocol(client=False, extensions=[]), list[object]()
    server.receive_bytes(stream)
    try:
        for frame in server.received_frames():
            if frame.opcode is Opcode.PING:
                assert isinstance(frame.payload, bytes | bytearray)
                seen.append(("ping", bytes(frame.payload)))
            elif frame.opcode is Opcode.CLOSE:
                return [*seen, ("close", frame.payload[0] not in (1000, 1005))]
            elif frame.opcode is Opcode.BINARY:
                return [*seen, "failed"]
            elif frame.opcode is not Opcode.PONG and frame.message_finished:
                seen.append("message")
    except ParseFailed:
        seen.append("failed")
    return seen


def test_another_implementation_reads_the_same_in_any_stream_of_frames() -> None:
    failed = 0
    for chance, stream in streams(STREAMS):
        cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.randrange(4)))
        segments = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        seen = seen_by_us(segments)
        assert seen == seen_by_wsproto(stream), stream[:200]
        failed += seen[-1:] == ["failed"]
    assert 0 < failed < STREAMS / 2


# --- what we write -------------------------------------------------------------------------------

ACK = Ack(room="lobby", id="1", seq=1, durability="memory")


def test_each_answer_is_a_text_message_of_whole_lines() -> None:
    codec = opened()
    assert lines_of(codec.encode(ACK)) == [encode(ACK).decode().strip()]
    acks = lines_of(codec.encode_acks("lobby", "memory", [("1", 1), ("2", 2)]))
    assert [json.loads(line)["id"] for line in acks] == ["1", "2"]


def line(size: int) -> bytes:
    return b"x" * (size - 1) + b"\n"


@pytest.mark.parametrize(
    ("sizes", "messages"),
    [
        ([100], 1),
        ([100] * 163, 1),
        ([100] * 164, 2),
        ([MESSAGE_BYTES], 1),
        ([1, MESSAGE_BYTES], 2),
        ([70_000, 1, 1, 70_000], 3),
        ([125], 1),
        ([126], 1),
    ],
)
def test_lines_are_joined_up_to_a_size_and_never_divided(sizes: list[int], messages: int) -> None:
    lines = [line(size) for size in sizes]
    data = WebSocket().join(lines)
    assert len(frames_of(data)) == messages
    assert "".join(each + "\n" for each in lines_of(data)).encode() == b"".join(lines)


def test_a_stored_line_is_not_encoded_again() -> None:
    stored = Stored("lobby", 1, 0, "1", b"whatever the journal has\n")
    assert WebSocket().encode_stored(stored) is stored.line


def test_all_sites_share_one_encoding() -> None:
    one, other = WebSocket(), WebSocket(Site.of({"index.html": b""}, hosts=["chat.example"]))
    assert one == other
    assert len({one, other}) == 1


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("drain", 1012),
        ("protocol", 1002),
        ("taken_over", 4001),
        ("timeout", 4002),
        ("stalled", 4003),
        ("banned", 4004),
        ("revoked", 4005),
    ],
)
def test_the_last_word_is_a_message_and_a_close_frame_with_a_code(reason: ClosingWord, code: int) -> None:
    codec = opened()
    (kind, said), end = frames_of(codec.encode(Closing(reason=reason)))
    assert kind is Opcode.TEXT
    assert json.loads(str(said))["reason"] == reason
    assert end == (Opcode.CLOSE, (code, ""))


@pytest.mark.parametrize(
    ("code", "closes_with"), [("limit_exceeded", 1013), ("unauthorized", 1008), ("nick_taken", 1000)]
)
def test_whoever_is_not_welcome_is_told_so_by_the_code_too(code: object, closes_with: int) -> None:
    codec = opened()
    codec.encode(Error.model_validate({"code": code, "message": "no"}))
    assert frames_of(codec.ending()) == [(Opcode.CLOSE, (closes_with, ""))]


def test_a_refusal_after_the_welcome_does_not_change_the_code() -> None:
    codec = opened()
    limits = Limits().for_client(dedupe_seconds=1.0)
    codec.encode(Welcome(protocol=1, server="s", nick="ada", session="s", durability="memory", limits=limits))
    codec.encode(Error(code="limit_exceeded", message="you are in too many rooms"))
    assert frames_of(codec.ending()) == [(Opcode.CLOSE, (1000, ""))]


def test_a_gap_is_a_message_of_its_own() -> None:
    gap = Gap(room="lobby", after=1, through=2, reason="expired")
    assert lines_of(WebSocket().encode(gap)) == [encode(gap).decode().strip()]
