"""Until a peer has sent a newline, fifty milliseconds of silence end its lines."""

import pytest

from chatcore.errors import Fault
from chatcore.messages import Post
from chatcore.wire import Codec, Item
from chatcore.wire.plain import SILENCE, plain
from tests.wire.reading import SMALL, decoder

START = 100.0


def texts(items: list[Item]) -> list[str]:
    """Return the texts of items, which have to be posts."""
    assert all(isinstance(item, Post) for item in items), items
    return [item.text for item in items if isinstance(item, Post)]


def due(reader: Codec) -> float | None:
    """Return when a codec wants its deadline handled."""
    return reader.deadline


def wait(reader: Codec, now: float) -> list[str]:
    """Handle a deadline at a time, due or not, and return the texts that come of it."""
    return texts(reader.handle_deadline(now))


def test_the_silence_that_ends_a_line_is_fifty_milliseconds() -> None:
    assert SILENCE == 0.050


def test_silence_ends_an_unfinished_line_once() -> None:
    reader = decoder(plain)
    assert due(reader) is None
    assert reader.receive_data(b"hello", START) == []
    assert due(reader) == START + SILENCE
    assert wait(reader, START + SILENCE) == ["hello"]
    assert due(reader) is None
    assert wait(reader, START + 1.0) == []


def test_silence_ends_every_line_of_a_peer_that_sends_no_newlines() -> None:
    reader = decoder(plain)
    for n in range(3):
        reader.receive_data(f"line {n}".encode(), START + n)
        assert wait(reader, START + n + SILENCE) == [f"line {n}"]


def test_every_byte_restarts_the_silence() -> None:
    reader = decoder(plain)
    for n in range(10):
        reader.receive_data(b"x", START + n * 0.04)
        assert wait(reader, START + n * 0.04 + 0.03) == []
    assert wait(reader, START + 0.36 + SILENCE) == ["x" * 10]


@pytest.mark.parametrize("character", ["é", "€", "\U0001f600"])
def test_silence_never_ends_a_line_inside_a_character(character: str) -> None:
    data = character.encode()
    for cut in range(1, len(data)):
        reader = decoder(plain)
        reader.receive_data(b"hi " + data[:cut], START)
        assert due(reader) is None
        assert wait(reader, START + 9.0) == []
        reader.receive_data(data[cut:], START + 10.0)
        assert wait(reader, START + 10.0 + SILENCE) == [f"hi {character}"]


def test_silence_ends_a_line_of_invalid_utf8() -> None:
    reader = decoder(plain)
    reader.receive_data(b"\xc3(", START)
    (item,) = reader.handle_deadline(START + SILENCE)
    assert isinstance(item, Fault)
    assert item.code == "bad_text"


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"], ids=repr)
def test_after_the_first_newline_only_newlines_end_a_line(newline: bytes) -> None:
    reader = decoder(plain)
    assert texts(reader.receive_data(b"one" + newline + b"tw", START)) == ["one"]
    assert due(reader) is None
    assert wait(reader, START + 60.0) == []
    assert texts(reader.receive_data(b"o" + newline, START + 61.0)) == ["two"]


def test_an_empty_line_counts_as_the_first_newline() -> None:
    reader = decoder(plain)
    assert reader.receive_data(b"\nhel", START) == []
    assert due(reader) is None
    assert texts(reader.receive_data(b"lo\n", START + 9.0)) == ["hello"]


def test_a_newline_after_silence_does_not_end_the_same_line_twice() -> None:
    reader = decoder(plain)
    reader.receive_data(b"hello", START)
    assert wait(reader, START + SILENCE) == ["hello"]
    assert texts(reader.receive_data(b"\n", START + 1.0)) == []
    assert texts(reader.receive_data(b"again\n", START + 2.0)) == ["again"]


def test_the_end_of_the_stream_does_not_wait_for_silence() -> None:
    reader = decoder(plain)
    reader.receive_data(b"hello", START)
    assert texts(reader.receive_eof()) == ["hello"]
    assert due(reader) is None
    assert wait(reader, START + SILENCE) == []


def test_silence_does_not_end_a_line_within_a_telnet_command() -> None:
    reader = decoder(plain)
    reader.receive_data(b"\xff\xfb", START)
    assert due(reader) is None
    reader.receive_data(b"\x1fhi", START + 1.0)
    assert wait(reader, START + 1.0 + SILENCE) == ["hi"]


def test_an_overlong_line_leaves_no_deadline() -> None:
    reader = decoder(plain, SMALL)
    reader.receive_data(b"x", START)
    (item,) = reader.receive_data(b"x" * SMALL.line_bytes, START)
    assert isinstance(item, Fault)
    assert due(reader) is None
    assert reader.handle_deadline(START + 9.0) == []
