"""Input that is no valid frame: each line is one short, typed fault that does not repeat the input."""

import json
from datetime import UTC, datetime

import pytest

from chatcore.errors import ErrorCode, Fault
from chatcore.limits import LINE_BYTES_MAX, Limits
from chatcore.messages import Hello, History, Join, Ping, Post
from chatcore.wire import Item
from chatcore.wire.ndjson import ndjson
from tests.wire.reading import decode, fault

WIDE = Limits(line_bytes=LINE_BYTES_MAX)
"""Lines may be so long here that it is not their length that protects us."""

POST = {"type": "post", "room": "Lobby", "id": "i-1", "text": "hi"}


def items_of(line: bytes) -> list[Item]:
    """Return what one line decodes to, and check that the next line is still understood."""
    *items, last = decode(ndjson, [line + b'\n{"type":"ping","token":"after"}\n'], WIDE)
    assert last == Ping(token="after")
    return items


def fault_of(line: bytes | dict[str, object]) -> Fault:
    """Return the only fault that a line decodes to."""
    found = fault(items_of(line if isinstance(line, bytes) else json.dumps(line).encode()))
    assert not found.fatal
    assert len(found.message) < 200
    return found


BROKEN = {
    "no JSON": b"hello",
    "half an object": b'{"type":"ping"',
    "two objects": b'{"type":"ping"}{"type":"ping"}',
    "a comment": b'{"type":"ping"} // hi',
    "a single quote": b"{'type':'ping'}",
    "an array": b"[]",
    "a frame in an array": b'[{"type":"ping"}]',
    "a string": b'"ping"',
    "a number": b"5",
    "null": b"null",
    "NaN": b"NaN",
    "a NUL byte": b'{"type":"ping"}\x00',
    "a NUL byte in a string": b'{"type":"ping","token":"a\x00b"}',
    "bytes from 0x80": bytes(range(0x80, 0xFF)),
    "invalid UTF-8": b'{"type":"ping","token":"\xff\xfe"}',
    "a part of a character": b'{"type":"ping","token":"\xe2\x82"}',
    "overlong UTF-8": b'{"type":"ping","token":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"type":"ping","token":"\xed\xa0\x80"}',
    "a byte order mark": b'\xef\xbb\xbf{"type":"ping"}',
    "a lone high surrogate": rb'{"type":"post","room":"a","id":"1","text":"\ud83d"}',
    "a lone low surrogate": rb'{"type":"post","room":"a","id":"1","text":"\ude00"}',
    "surrogates the wrong way round": rb'{"type":"post","room":"a","id":"1","text":"\ude00\ud83d"}',
    "nesting of 250": b'{"type":"ping","x":' + b"[" * 250 + b"]" * 250 + b"}",
    "nesting of 100,000": b"[" * 100_000,
    "nested objects of 100,000": b'{"a":' * 100_000,
    "an integer of 5,000 digits": b'{"type":"ping","x":' + b"9" * 5_000 + b"}",
    "an integer of 1,000,000 digits": b'{"type":"hello","nick":"a","protocol":' + b"9" * 1_000_000 + b"}",
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_line_that_cannot_be_parsed_is_a_bad_frame(line: bytes) -> None:
    found = fault_of(line)
    assert found.code == "bad_frame"
    assert (found.room, found.id) == (None, None)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_frame_in_utf16_or_utf32_without_a_byte_order_mark_is_a_bad_frame(encoding: str) -> None:
    items = decode(ndjson, [json.dumps(POST).encode(encoding) + b"\n"])
    assert [item.code for item in items if isinstance(item, Fault)] == ["bad_frame"] * len(items)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_stream_with_a_utf16_byte_order_mark_is_one_fatal_fault(encoding: str) -> None:
    stream = ("\ufeff" + json.dumps(POST) + "\n").encode(encoding)
    found = fault(decode(ndjson, [stream]))
    assert (found.code, found.fatal) == ("bad_frame", True)
    assert decode(ndjson, [stream[n : n + 1] for n in range(len(stream))]) == [found]


@pytest.mark.parametrize(
    "kind", ["welcome", "POST", "", "post ", "__class__", 5, None, ["post"], {}, True], ids=repr
)
def test_the_fault_of_an_unknown_type_carries_room_and_id(kind: object) -> None:
    found = fault_of({**POST, "type": kind})
    assert (found.code, found.room, found.id) == ("unknown_type", "Lobby", "i-1")


def test_a_frame_without_a_type_is_of_unknown_type() -> None:
    assert fault_of(b"{}").code == "unknown_type"
    found = fault_of({name: value for name, value in POST.items() if name != "type"})
    assert (found.code, found.room, found.id) == ("unknown_type", "Lobby", "i-1")


@pytest.mark.parametrize(
    "number", [b'"1"', b"1.0", b"true", b"1e400", b"-1e400", b"NaN", b"Infinity", b"1e2", b"null"]
)
def test_an_integer_field_accepts_nothing_but_a_json_integer(number: bytes) -> None:
    found = fault_of(b'{"type":"hello","nick":"ana","protocol":' + number + b"}")
    assert found.code == "bad_frame"
    found = fault_of(b'{"type":"join","room":"a","after":{"epoch":"e","seq":' + number + b"}}")
    assert (found.code, found.room) == ("bad_frame", "a")


@pytest.mark.parametrize(
    "number", [-1, 2**53, 10**400, 10**3_999], ids=["-1", "2**53", "10**400", "10**3999"]
)
def test_an_integer_out_of_range_is_a_bad_frame(number: int) -> None:
    frames: list[dict[str, object]] = [
        {"type": "hello", "nick": "ana", "protocol": number},
        {"type": "join", "room": "a", "history": number},
        {"type": "join", "room": "a", "after": {"epoch": "e", "seq": number}},
        {"type": "history", "room": "a", "before": number},
        {"type": "history", "room": "a", "limit": number},
        {"type": "rooms", "limit": number},
    ]
    assert [fault_of(frame).code for frame in frames] == ["bad_frame"] * len(frames)


def test_the_largest_integer_is_accepted() -> None:
    assert items_of(b'{"type":"join","room":"a","history":9007199254740991}') == [
        Join(room="a", history=2**53 - 1)
    ]


def test_the_last_of_duplicate_keys_counts() -> None:
    line = b'{"type":"post","type":"ping","token":"a","token":"b"}'
    assert items_of(line) == [Ping(token="b")]


NAMES = ["", " ", "a b", "#a", "@a", "*", "ä", "а", "a\u200b", "a\n", "a\x00", "x" * 65, 5, None, ["a"], {}]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_invalid_name_is_a_bad_name_and_is_not_repeated(name: object) -> None:
    found = fault_of({**POST, "room": name})
    assert (found.code, found.room, found.id) == ("bad_name", None, "i-1")
    assert fault_of({"type": "nick", "nick": name}).code == "bad_name"
    assert fault_of({"type": "hello", "protocol": 1, "nick": name}).code == "bad_name"


CONTROLS = [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"]


def test_a_text_with_any_control_character_but_tab_and_newline_is_a_bad_text() -> None:
    assert [fault_of({**POST, "text": f"a{control}b"}).code for control in CONTROLS] == ["bad_text"] * 63
    (post,) = items_of(json.dumps({**POST, "text": "a\tb\nc"}).encode())
    assert isinstance(post, Post)
    assert post.text == "a\tb\nc"


@pytest.mark.parametrize("text", ["", "\x1b[2J", "\x9b2J", "a\rb", 5, None, ["hi"], {"a": 1}], ids=ascii)
def test_an_invalid_text_is_a_bad_text_with_its_room_and_id(text: object) -> None:
    found = fault_of({**POST, "text": text})
    assert (found.code, found.room, found.id) == ("bad_text", "Lobby", "i-1")


@pytest.mark.parametrize("id_", ["", "ä", "a\tb", "x" * 65, 5, None], ids=ascii)
def test_an_invalid_id_is_a_bad_frame_and_is_not_repeated(id_: object) -> None:
    found = fault_of({**POST, "id": id_})
    assert (found.code, found.room, found.id) == ("bad_frame", "Lobby", None)


KINDS = ["", "Action", "1a", "a b", "a_b", "a\n", "ä", "a" * 33, ".a", "-a", 5, True, ["action"], {"a": 1}]


@pytest.mark.parametrize("kind", KINDS, ids=ascii)
def test_a_kind_of_the_wrong_shape_is_a_bad_frame_with_its_room_and_id(kind: object) -> None:
    found = fault_of({**POST, "kind": kind})
    assert (found.code, found.room, found.id) == ("bad_frame", "Lobby", "i-1")


@pytest.mark.parametrize("target", [0, -1, 2**53, 1.0, "1", True, [1]], ids=repr)
@pytest.mark.parametrize("kind", [None, "action", "x.poll"])
def test_a_target_of_the_wrong_shape_is_a_bad_frame_with_its_room_and_id(
    kind: object, target: object
) -> None:
    found = fault_of({**POST, "kind": kind, "target": target})
    assert (found.code, found.room, found.id) == ("bad_frame", "Lobby", "i-1")


def test_a_kind_of_the_right_shape_is_accepted_whether_or_not_it_is_known() -> None:
    for kind in ("action", "edit", "x.a-b.9", "a" * 32):
        line = json.dumps({**POST, "kind": kind, "target": 2**53 - 1}).encode()
        assert items_of(line) == [Post(room="Lobby", id="i-1", kind=kind, target=2**53 - 1, text="hi")]


@pytest.mark.parametrize("kind", ["text", None])
def test_the_kind_text_is_the_same_as_none(kind: object) -> None:
    assert items_of(json.dumps({**POST, "kind": kind}).encode()) == [Post(room="Lobby", id="i-1", text="hi")]


TIMES = [
    "",
    "yesterday",
    "2026-11-23",
    "2026-11-23T14:00:00",
    "2026-11-23T14:00Z",
    "2026-11-23T14:00:00+02:00",
    "2026-11-23T25:00:00Z",
    "2026-13-01T00:00:00Z",
    "٢٠٢٦-11-23T14:00:00Z",
    "1764000000",
    1764000000,
    1764000000.5,
    True,
    ["2026-11-23T14:00:00Z"],
]


@pytest.mark.parametrize("time", TIMES, ids=ascii)
@pytest.mark.parametrize("bound", ["after_at", "before_at"])
def test_a_time_that_is_not_rfc_3339_in_utc_is_a_bad_frame(bound: str, time: object) -> None:
    found = fault_of({"type": "history", "room": "a", "token": "t", bound: time})
    assert (found.code, found.room, found.id) == ("bad_frame", "a", "t")


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T14:00:00.5Z",
        "2026-11-23T14:00:00.500000Z",
        "2026-11-23t14:00:00.5z",
        "2026-11-23 14:00:00.5+00:00",
    ],
)
def test_a_time_of_rfc_3339_in_utc_is_accepted(time: str) -> None:
    at = datetime(2026, 11, 23, 14, 0, 0, 500_000, tzinfo=UTC)
    line = json.dumps({"type": "history", "room": "a", "after_at": time}).encode()
    assert items_of(line) == [History(room="a", after_at=at)]


@pytest.mark.parametrize(
    "key",
    ["", "k" * 42, "k" * 4_097, "k" * 42 + " ", "k" * 42 + "ä", 5, ["k"]],
    ids=lambda key: ascii(key)[:50],
)
def test_an_invalid_key_is_a_bad_frame_and_is_not_repeated(key: object) -> None:
    found = fault_of({"type": "hello", "protocol": 1, "nick": "ana", "key": key})
    assert found.code == "bad_frame"
    assert "kk" not in repr(found)


def test_a_key_and_a_secret_are_in_no_repr() -> None:
    (hello,) = items_of(
        json.dumps(
            {"type": "hello", "protocol": 1, "nick": "a", "session": "s" * 40, "key": "k" * 43}
        ).encode()
    )
    assert isinstance(hello, Hello)
    assert hello.key == "k" * 43
    assert "kk" not in repr(hello)
    assert "ss" not in repr(hello).replace("session", "")


@pytest.mark.parametrize("field", ["room", "id", "kind", "target", "text", "type", "x"])
def test_a_long_value_of_the_wrong_type_is_not_repeated(field: str) -> None:
    items = items_of(json.dumps({**POST, field: ["SECRET" * 10_000]}).encode())
    if field == "x":
        assert items == [Post(room="Lobby", id="i-1", text="hi")]
    else:
        found = fault(items)
        assert len(repr(found)) < 400
        assert "SECRET" not in repr(found)


def test_thousands_of_unknown_keys_are_ignored_and_not_repeated() -> None:
    many = {f"key-{n}": n for n in range(10_000)}
    assert items_of(json.dumps({"type": "ping", **many}).encode()) == [Ping()]
    found = fault_of({"type": "hello", **many})
    assert (found.code, len(repr(found)) < 400) == ("bad_frame", True)


@pytest.mark.parametrize(
    "key",
    ["__class__", "__proto__", "constructor", "__dict__", "model_config", "", "x" * 60_000],
    ids=lambda k: k[:12],
)
def test_keys_with_a_special_meaning_elsewhere_are_plain_data(key: str) -> None:
    hello = {"type": "hello", "protocol": 1, "nick": "ana"}
    assert items_of(json.dumps({**hello, key: {"nick": "root"}}).encode()) == [Hello(protocol=1, nick="ana")]


@pytest.mark.parametrize(
    ("token", "code"), [("a" * 65, "bad_frame"), ("", "bad_frame"), ("ä", "bad_frame"), (1, "bad_frame")]
)
def test_an_invalid_token_is_a_bad_frame(token: object, code: ErrorCode) -> None:
    assert fault_of({"type": "ping", "token": token}).code == code


def test_the_fault_of_a_telnet_client_on_the_typed_wire_names_telnet() -> None:
    found = fault(decode(ndjson, [b"\xff\xfb\x1f\xff\xfb\x20\xff\xfd\x03"]))
    assert (found.code, found.fatal) == ("bad_frame", True)
    assert "telnet" in found.message
