"""The queue of replies: each comes out once, in sequence, in pieces of limited size."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore.server.replies import Replies


@given(st.lists(st.binary(max_size=9), max_size=20), st.integers(1, 30))
def test_replies_come_out_once_and_in_sequence_in_pieces_that_fit(frames: list[bytes], size: int) -> None:
    replies = Replies()
    for frame in frames:
        replies.put(frame)
    assert replies.size == len(b"".join(frames))
    assert len(replies) == sum(map(bool, frames))
    pieces = []
    while replies:
        pieces.append(replies.next_piece(size))
        assert pieces[-1]
        assert len(pieces[-1]) <= size or pieces[-1] in frames
    assert b"".join(pieces) == b"".join(frames)
    assert replies.size == 0


def test_a_reply_is_never_split_between_pieces() -> None:
    replies = Replies()
    for frame in (b"a" * 10, b"b", b"c" * 4, b"d"):
        replies.put(frame)
    assert [replies.next_piece(5) for _ in range(3)] == [b"a" * 10, b"bcccc", b"d"]


def test_an_empty_reply_is_not_queued() -> None:
    replies = Replies()
    replies.put(b"")
    assert not replies
    assert replies.next_piece(5) == b""
