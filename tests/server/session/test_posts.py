"""Posts: acknowledged once, stored once, in their sender's order."""

from collections.abc import Callable, Sequence

from chatcore.journal import Draft, Outcome, Unavailable, always
from tests.protocol.frames import Ack, Error, Join, Leave, Message, Post
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


class RefusingJournal(SlowJournal):
    """A journal that stores nothing while ``refusing`` is set."""

    refusing = False

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        if self.refusing:
            self.waiting.append(lambda: done([Unavailable(2.0)] * len(drafts)))
        else:
            super().submit(drafts, done, still_valid)


def post(id_: str, text: str = "hi", room: str = "lobby") -> Post:
    """Return a post."""
    return Post(room=room, id=id_, text=text)


def refusals(peer: Peer) -> list[tuple[str, str | None, float | None]]:
    """Take a peer's errors, each as its code, its id and the time to wait."""
    return [(error.code, error.id, error.retry_after) for error in peer.take_all(Error)]


def test_a_post_is_acknowledged_and_delivered_to_all_members_including_its_sender() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    ana.send(post("id-1", "hello\nthere"))
    assert ana.one(Ack) == Ack(room="lobby", id="id-1", seq=1, durability="memory")
    for peer in (ana, bob):
        message = peer.one(Message)
        assert (message.seq, message.prev, message.id, message.nick) == (1, 0, "id-1", "ana")
        assert message.text == "hello\nthere"


def test_a_post_is_neither_acknowledged_nor_delivered_before_it_is_stored() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana, bob = host.member("ana"), host.member("bob")
    ana.send(post("id-1"))
    assert ana.take_all(Ack) == []
    assert ana.texts() == bob.texts() == []
    journal.work()
    host.pump()
    assert ana.one(Ack).seq == 1
    assert ana.texts() == bob.texts() == ["hi"]


def test_posts_in_one_segment_are_submitted_together_and_keep_their_order() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("one", "two", "three")
    assert len(journal.waiting) == 1
    journal.work()
    host.pump()
    assert [ack.seq for ack in ana.take_all(Ack)] == [1, 2, 3]
    assert ana.texts() == ["one", "two", "three"]


def test_a_resent_post_is_stored_once_and_acknowledged_with_its_first_number() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    ana.send(post("id-1"), post("id-2"), post("id-1"))
    assert [(ack.id, ack.seq) for ack in ana.take_all(Ack)] == [("id-1", 1), ("id-2", 2), ("id-1", 1)]
    ana.lose()
    again = host.member("anna")
    again.send(post("id-1"))
    assert again.one(Ack).seq == 1
    assert len(bob.texts()) == 2


def test_a_post_resent_before_its_ack_is_stored_once_and_acknowledged_twice() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.send(post("id-1"))
    ana.send(post("id-1"))
    journal.work()
    host.pump()
    assert [ack.seq for ack in ana.take_all(Ack)] == [1, 1]
    assert ana.texts() == ["hi"]


def test_the_same_id_with_another_text_is_a_conflict() -> None:
    host = Host()
    ana = host.member("ana")
    ana.send(post("id-1", "one"), post("id-1", "two"))
    error = ana.error()
    assert (error.code, error.room, error.id, error.retry_after) == ("conflict", "lobby", "id-1", None)
    ana.send(post("id-2", "three"))
    assert ana.texts() == ["one", "three"]


def test_an_overlong_text_is_refused_by_its_size_in_utf8_and_the_session_continues() -> None:
    host = Host(text_bytes=100, line_bytes=2_000)
    ana = host.member("ana")
    ana.send(post("1", "x" * 100), post("2", "x" * 101), post("3", "é" * 50), post("4", "é" * 51))
    assert [(error.code, error.id) for error in ana.take_all(Error)] == [("too_long", "2"), ("too_long", "4")]
    assert ana.texts() == ["x" * 100, "é" * 50]
    ana.send(post("5", "\U0001f600" * 25), post("6", "\U0001f600" * 26))
    assert ana.error().id == "6"


def test_the_refusal_of_a_text_with_control_characters_names_its_room_and_id() -> None:
    ana = Host().member("ana")
    ana.feed(b'{"type":"post","room":"Lobby","id":"id-1","text":"a\\u001b[2Jb"}\n')
    error = ana.error()
    assert (error.code, error.room, error.id) == ("bad_text", "lobby", "id-1")
    assert ana.texts() == []


# --- the order of one sender ---------------------------------------------------------------------


def test_frames_over_the_rate_limit_are_refused_with_the_time_to_wait() -> None:
    host = Host(frames_per_second=2.0, frames_burst=4)  # two are spent on hello and join
    ana = host.member("ana")
    ana.send(post("1"), post("2"), post("3"))
    assert refusals(ana) == [("rate_limited", "3", 0.5)]
    host.advance(0.5)
    ana.send(post("3"))
    assert [ack.id for ack in ana.take_all(Ack)] == ["1", "2", "3"]


def test_after_a_refusal_later_posts_are_refused_until_the_first_refused_one_is_resent() -> None:
    host = Host(frames_per_second=1.0, frames_burst=4)
    ana = host.member("ana")
    ana.send(post("1"), post("2"), post("3"), post("4"))
    assert refusals(ana) == [("rate_limited", "3", 1.0), ("rate_limited", "4", 1.0)]
    host.advance(20.0)
    ana.take()
    ana.send(post("4"), post("5"))
    assert refusals(ana) == [("rate_limited", "4", 0.0), ("rate_limited", "5", 0.0)]
    ana.send(post("3"), post("4"), post("5"))
    assert [ack.id for ack in ana.take_all(Ack)] == ["3", "4", "5"]
    assert [message.id for message in ana.take_all(Message)] == ["3", "4", "5"]


def test_posts_refused_for_their_order_cost_no_tokens_of_the_rate_limit() -> None:
    host = Host(frames_per_second=1.0, frames_burst=4)
    ana = host.member("ana")
    ana.send(post("1"), post("2"), post("3"))
    host.advance(1.0)
    ana.send(*(post(str(n)) for n in range(4, 50)), post("3"))
    assert "3" in [ack.id for ack in ana.take_all(Ack)]


def test_a_second_refusal_of_the_same_post_updates_the_time_to_wait() -> None:
    host = Host(frames_per_second=1.0, frames_burst=3)
    ana = host.member("ana")
    ana.send(post("1"), post("2"))
    assert refusals(ana) == [("rate_limited", "2", 1.0)]
    host.advance(0.75)
    ana.send(post("2"), post("3"))
    assert refusals(ana) == [("rate_limited", "2", 0.25), ("rate_limited", "3", 0.25)]


def test_a_refused_post_does_not_block_posts_to_another_room() -> None:
    host = Host(frames_per_second=1.0, frames_burst=5)
    ana = host.member("ana")
    ana.send(Join(room="b"), post("1"), post("2"), post("3"))
    host.advance(1.0)
    ana.take()
    ana.send(post("1", room="b"))
    assert ana.one(Ack).room == "b"


def test_a_refused_post_no_longer_blocks_later_ones_after_leaving_the_room() -> None:
    host = Host(frames_per_second=1.0, frames_burst=3)
    ana = host.member("ana")
    ana.send(post("1"), post("2"))
    host.advance(10.0)
    ana.send(Leave(room="lobby"), Join(room="lobby"), post("3"))
    assert [ack.id for ack in ana.take_all(Ack)] == ["1", "3"]


def test_a_refused_post_that_proves_too_long_no_longer_blocks_later_ones() -> None:
    host = Host(frames_per_second=1.0, frames_burst=3, text_bytes=10, line_bytes=2_000)
    ana = host.member("ana")
    ana.send(post("1"), post("2", "x" * 11))
    assert refusals(ana) == [("rate_limited", "2", 1.0)]
    host.advance(10.0)
    ana.send(post("2", "x" * 11), post("3"))
    assert refusals(ana) == [("too_long", "2", None)]
    assert [ack.id for ack in ana.take_all(Ack)] == ["1", "3"]


def test_posts_refused_by_the_journal_are_accepted_again_only_in_their_order() -> None:
    journal = RefusingJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    journal.refusing = True
    ana.send(post("1"))
    ana.send(post("2"))
    journal.work()
    host.pump()
    assert refusals(ana) == [("unavailable", "1", 2.0), ("unavailable", "2", 2.0)]
    journal.refusing = False
    ana.send(post("3"), post("2"))
    assert [(code, id_) for code, id_, _ in refusals(ana)] == [("unavailable", "3"), ("unavailable", "2")]
    ana.send(post("1"), post("2"), post("3"))
    journal.work()
    host.pump()
    assert [(ack.id, ack.seq) for ack in ana.take_all(Ack)] == [("1", 1), ("2", 2), ("3", 3)]


def test_a_post_that_failed_to_store_must_be_resent_before_one_refused_after_it() -> None:
    journal = RefusingJournal(Clock())
    host = Host(journal, frames_per_second=1.0, frames_burst=3)
    ana = host.member("ana")
    journal.refusing = True
    ana.send(post("1"), post("2"))
    journal.work()
    host.pump()
    assert [(code, id_) for code, id_, _ in refusals(ana)] == [("rate_limited", "2"), ("unavailable", "1")]
    journal.refusing = False
    host.advance(10.0)
    ana.send(post("2"))
    assert [id_ for _, id_, _ in refusals(ana)] == ["2"]
    ana.send(post("1"), post("2"))
    journal.work()
    host.pump()
    assert [message.id for message in ana.take_all(Message)] == ["1", "2"]


def test_the_rate_limit_also_applies_to_frames_other_than_posts() -> None:
    host = Host(frames_per_second=1.0, frames_burst=2)
    ana = host.member("ana")
    ana.feed(b'{"type":"history","room":"Lobby","token":"t"}\n{"type":"who","room":"Lobby"}\nnonsense\n')
    assert [(error.code, error.room, error.id, error.retry_after) for error in ana.take_all(Error)] == [
        ("rate_limited", "lobby", "t", 1.0),
        ("rate_limited", "lobby", None, 1.0),
        ("rate_limited", None, None, 1.0),
    ]
