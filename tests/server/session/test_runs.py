"""Posts that come together are decided, stored and answered as if each had come by itself."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import Ack, Error, Join, Message, Post
from tests.server.driver import Host, Peer

AT = datetime(2026, 8, 5, tzinfo=UTC)

posts = st.lists(
    st.builds(
        Post,
        room=st.sampled_from(["lobby", "Lobby", "ops", "elsewhere"]),
        id=st.sampled_from("abcdef"),
        kind=st.sampled_from([None, None, None, "action", "strange"]),
        text=st.sampled_from(["one", "two", "\u20ac" * 6, "\u20ac" * 7]),
    ),
    max_size=20,
)


def member(burst: int) -> Peer:
    """Return somebody in two rooms who may send so many more frames."""
    journal = MemoryJournal(now=lambda: AT)
    host = Host(journal, frames_per_second=0.5, frames_burst=burst + 3, text_bytes=20)
    peer = host.member("ana")
    peer.send(Join(room="ops"))
    peer.take()
    return peer


def answers(peer: Peer) -> list[str]:
    """Take the answers to posts. A refusal of ours may come before one of the journal's."""
    return sorted(map(repr, (*peer.take_all(Ack), *peer.take_all(Error))))


def logs(peer: Peer) -> dict[str, list[Message]]:
    """Take messages, by room: between two rooms there is no order."""
    by_room: dict[str, list[Message]] = {}
    for message in peer.take_all(Message):
        by_room.setdefault(message.room, []).append(message)
    return by_room


@given(posts=posts, burst=st.integers(0, 20))
def test_posts_in_one_segment_fare_as_they_do_one_by_one(posts: list[Post], burst: int) -> None:
    together, alone = member(burst), member(burst)
    together.send(*posts)
    for post in posts:
        alone.send(post)
    assert logs(together) == logs(alone)
    assert answers(together) == answers(alone)


def test_posts_to_one_room_are_one_submission_and_one_write_of_acks_and_messages() -> None:
    peer = member(100)
    before = peer.pieces
    peer.send(*(Post(room="lobby", id=str(n), text="hi") for n in range(50)))
    assert [ack.seq for ack in peer.take_all(Ack)] == list(range(1, 51))
    assert peer.pieces - before == 1
