"""The typed wire, there and back: what one side encodes, the other decodes to the same frame."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chatcore.messages import (
    Ack,
    ClientFrame,
    Closing,
    Error,
    Gap,
    Left,
    Message,
    Page,
    Ping,
    Post,
    ServerFrame,
    client_frames,
    encode,
    server_frames,
)
from chatcore.wire.ndjson import NdjsonDecoder, ndjson
from tests.wire.reading import decoder
from tests.wire.strategies import client_frame, message, server_frame, split

F = TypeVar("F")

LINE_BYTES = 64 * 1024


def decoded(adapter: TypeAdapter[F], segments: list[bytes]) -> Sequence[object]:
    """Return what one side decodes from segments."""
    decoder = NdjsonDecoder(adapter, LINE_BYTES)
    return [item for segment in segments for item in decoder.receive_data(segment, 0.0)]


def from_server(fields: object) -> object:
    """Return what a client decodes from one object."""
    (item,) = decoded(server_frames, [json.dumps(fields).encode() + b"\n"])
    return item


def has_null(value: object) -> bool:
    """Tell whether there is a null anywhere in a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(has_null, inner))


@given(data=st.data(), frames=st.lists(client_frame, max_size=4))
def test_a_server_decodes_the_frames_that_a_client_encoded(
    data: st.DataObject, frames: list[ClientFrame]
) -> None:
    stream = b"".join(map(encode, frames))
    assert decoded(client_frames, data.draw(split(stream))) == frames


@given(data=st.data(), frames=st.lists(server_frame, max_size=4))
def test_a_client_decodes_the_frames_that_a_server_encoded(
    data: st.DataObject, frames: list[ServerFrame]
) -> None:
    stream = b"".join(map(ndjson.encode, frames))
    assert decoded(server_frames, data.draw(split(stream))) == frames


@given(frame=client_frame | server_frame)
def test_a_frame_is_encoded_as_one_line_without_nulls(frame: ClientFrame | ServerFrame) -> None:
    data = encode(frame)
    assert data.count(b"\n") == 1
    assert data.endswith(b"}\n")
    assert not has_null(json.loads(data))
    assert json.loads(data)["type"] == frame.type


@given(messages=st.lists(message, max_size=4))
def test_a_page_built_from_encoded_messages_decodes_to_the_same_page(messages: list[Message]) -> None:
    head = Page(room="lobby", epoch="e", base=3, more=True, token="t", messages=())
    data = decoder(ndjson).encode_page(head, [ndjson.encode(message) for message in messages])
    assert decoded(server_frames, [data]) == [head.model_copy(update={"messages": tuple(messages)})]


def test_a_text_with_newlines_and_line_separators_stays_one_line() -> None:
    text = "a\tb\nc\u2028d\u2029e\U0001f600"
    post = Post(room="lobby", id="1", text=text)
    assert decoded(client_frames, [encode(post)]) == [post]


def test_a_time_is_encoded_in_utc_and_refused_in_another_zone() -> None:
    message = Message(
        room="a", seq=1, prev=0, id="1", nick="ana", text="hi", at=datetime(2026, 8, 5, 12, 30, tzinfo=UTC)
    )
    assert b'"at":"2026-08-05T12:30:00Z"' in encode(message)
    with pytest.raises(ValueError, match="offset of 0"):
        Message.model_validate(
            {**message.model_dump(), "at": datetime(2026, 8, 5, tzinfo=timezone(timedelta(hours=2)))}
        )


def test_a_word_that_the_client_does_not_know_decodes_as_unknown() -> None:
    error = from_server({"type": "error", "code": "too_hot", "message": "m"})
    assert error == Error(code="unknown", message="m")
    assert from_server({"type": "closing", "reason": "lunch"}) == Closing(reason="unknown")
    gap = from_server({"type": "gap", "room": "a", "after": 1, "through": 2, "reason": "eaten"})
    assert gap == Gap(room="a", after=1, through=2, reason="unknown")
    left = from_server({"type": "left", "room": "a", "reason": "bored"})
    assert left == Left(room="a", reason="unknown")
    ack = from_server({"type": "ack", "room": "a", "id": "1", "seq": 1, "durability": "engraved"})
    assert ack == Ack(room="a", id="1", seq=1, durability="unknown")


def test_a_kind_that_the_client_does_not_know_is_decoded_as_it_is() -> None:
    fields = {"type": "message", "room": "a", "seq": 2, "prev": 1, "id": "1", "nick": "ana", "text": "hi"}
    line = {**fields, "kind": "reaction", "target": 1, "at": "2026-08-05T12:30:00Z"}
    item = from_server(line)
    assert isinstance(item, Message)
    assert (item.kind, item.target, item.text) == ("reaction", 1, "hi")
    assert json.loads(encode(item)) == line


@pytest.mark.parametrize("word", [1, None, True, ["drain"], {}], ids=repr)
def test_a_value_that_is_no_string_does_not_decode_as_an_unknown_word(word: object) -> None:
    item = from_server({"type": "closing", "reason": word})
    assert not isinstance(item, Closing)


def test_an_unknown_field_is_ignored_in_both_directions() -> None:
    line = b'{"type":"ping","token":"t","colour":"red"}\n'
    assert decoded(client_frames, [line]) == decoded(server_frames, [line]) == [Ping(token="t")]


def test_frames_are_immutable() -> None:
    ping = Ping(token="t")
    with pytest.raises(ValueError, match="frozen"):
        ping.token = "u"
    assert ping.token == "t"
