"""The lines that are made without a model are the ones that the model would be written as."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.encoding import encode_acks, encode_message, time_text
from chatcore.messages import Ack, Message, encode
from tests.wire.strategies import message

ids = st.from_regex(r"\A[ -~]{1,64}\Z")
seqs = st.integers(0, 2**53 - 1)
durabilities = st.sampled_from(["memory", "written", "synced", "replicated"])


def line(message: Message) -> bytes:
    """Return the line that is made of a message's fields."""
    return encode_message(
        message.room,
        message.seq,
        message.prev,
        message.id,
        message.nick,
        message.text,
        time_text(message.at),
        message.kind,
        message.target,
    )


@given(message=message)
def test_a_message_is_written_as_its_model_would_be(message: Message) -> None:
    assert line(message) == encode(message)


@pytest.mark.parametrize(
    "text", ['"', "\\", "\t\n", "/</script>", "\u2028\u2029\ufeff\U0001f600é"], ids=ascii
)
@pytest.mark.parametrize("microsecond", [0, 1, 120_000])
def test_special_characters_and_times_are_written_as_the_model_writes_them(
    text: str, microsecond: int
) -> None:
    at = datetime(2026, 8, 5, 9, 0, 0, microsecond, tzinfo=UTC)
    written = Message(
        room="a", seq=2, prev=1, id='"\\ ~', nick="ana", text=text, at=at, kind="x.vote", target=1
    )
    assert line(written) == encode(written)


@given(durability=durabilities, stored=st.lists(st.tuples(ids, seqs), max_size=5))
def test_acks_are_written_as_their_models_would_be(durability: str, stored: list[tuple[str, int]]) -> None:
    fields = ({"room": "a", "id": id_, "seq": seq, "durability": durability} for id_, seq in stored)
    models = map(Ack.model_validate, fields)
    assert encode_acks("a", durability, stored) == b"".join(map(encode, models))
