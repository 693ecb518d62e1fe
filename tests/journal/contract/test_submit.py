"""What a journal stores, and in which order."""

import threading
from collections import defaultdict

from chatcore.journal import Conflict, Draft, Outcome, Unavailable
from tests.journal.contract.harness import DEADLINE, Harness


def draft(id_: str, text: str = "hi", *, room: str = "lobby", nick: str = "ana") -> Draft:
    """Return a draft."""
    return Draft(room, id_, nick, text)


def test_the_epoch_is_reported_before_anything_else(harness: Harness) -> None:
    assert harness.calls == ["opened"]
    (epoch,) = harness.epochs
    assert epoch


def test_a_stored_message_holds_its_room_id_sender_text_and_time(harness: Harness) -> None:
    (outcome,) = harness.submit(Draft("lobby", "id-1", "ana", "one\ntwo \U0001f600"))
    (message,) = harness.wait_for(1)
    assert outcome == message.seq
    assert (message.room, message.id, message.nick, message.text) == (
        "lobby",
        "id-1",
        "ana",
        "one\ntwo \U0001f600",
    )
    assert message.at.utcoffset() is not None


def test_numbers_rise_and_each_message_names_the_number_before_its_own(harness: Harness) -> None:
    for n in range(5):
        harness.post(*(f"{n}-{k}" for k in range(4)))
    messages = harness.wait_for(20)
    assert messages[0].seq >= 1
    assert [message.prev for message in messages] == [0, *(message.seq for message in messages[:-1])]
    assert all(message.prev < message.seq for message in messages)


def test_each_room_has_its_own_chain_of_numbers(harness: Harness) -> None:
    harness.submit(draft("1", room="a"), draft("1", room="b"), draft("2", room="a"), draft("2", room="b"))
    messages = harness.wait_for(4)
    for room in "ab":
        chain = [(message.prev, message.seq) for message in messages if message.room == room]
        assert chain[0][0] == 0
        assert chain[0][1] == chain[1][0]


def test_each_draft_gets_its_own_outcome_in_sequence(harness: Harness) -> None:
    harness.post("first")
    outcomes = harness.submit(draft("a", "x"), draft("a", "x"), draft("b"), draft("a", "y"), draft("c"))
    a, b, c = (message.seq for message in harness.wait_for(4)[1:])
    assert outcomes == [a, a, b, Conflict(), c]


def test_submitting_no_drafts_is_answered_with_no_outcomes(harness: Harness) -> None:
    assert harness.submit() == []


def test_the_same_id_and_text_is_a_repeat_under_any_nick(harness: Harness) -> None:
    (first,) = harness.submit(draft("id-1"))
    assert isinstance(first, int)
    assert harness.submit(draft("id-1")) == [first]
    assert harness.submit(draft("id-1", nick="anna")) == [first]
    harness.post("another")
    assert len(harness.wait_for(2)) == 2


def test_the_same_id_with_another_text_is_a_conflict_and_changes_nothing(harness: Harness) -> None:
    harness.submit(draft("id-1", "hi"))
    assert harness.submit(draft("id-1", "hi ")) == [Conflict()]
    (entry,) = harness.read().messages
    assert b'"text":"hi"' in entry.line
    assert harness.submit(draft("id-1", "hi")) == [entry.seq]


def test_the_same_id_may_be_used_in_two_rooms(harness: Harness) -> None:
    outcomes = harness.submit(draft("id-1", "one", room="a"), draft("id-1", "two", room="b"))
    assert outcomes == [message.seq for message in harness.wait_for(2)]


def test_conflicts_and_repeats_leave_no_hole_in_the_chain(harness: Harness) -> None:
    harness.submit(draft("a", "x"), draft("a", "y"), draft("a", "x"), draft("b"))
    first, second = harness.wait_for(2)
    assert second.prev == first.seq


def test_an_id_is_remembered_after_its_message_has_expired(small: Harness) -> None:
    expired = [message for message in small.messages if message not in small.available()]
    assert len(expired) > 50
    for message in (expired[0], expired[-1]):
        again = draft(message.id, message.text)
        assert small.submit(again) == [message.seq]
        assert small.submit(again._replace(text="other")) == [Conflict()]
    small.clock.now += small.journal.dedupe_seconds - 1.0
    assert small.submit(draft(expired[-1].id, expired[-1].text)) == [expired[-1].seq]


def test_the_id_of_an_expired_message_is_forgotten_after_the_dedupe_time(small: Harness) -> None:
    expired = small.messages[0]
    small.clock.now += small.journal.dedupe_seconds + 1.0
    small.post("a later one")
    (outcome,) = small.submit(draft(expired.id, "something else"))
    assert isinstance(outcome, int)
    assert outcome > small.messages[99].seq


def test_an_id_is_remembered_as_long_as_its_message_is_stored(small: Harness) -> None:
    small.clock.now += small.journal.dedupe_seconds * 100
    small.post("a later one")
    last = small.messages[-2]
    assert last in small.available()
    assert small.submit(draft(last.id, last.text)) == [last.seq]


def test_drafts_from_many_threads_keep_each_senders_order(harness: Harness) -> None:
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    answered = threading.Semaphore(0)

    def send(nick: str) -> None:
        for n in range(20):
            drafts = [draft(f"{nick}-{n}-{k}", f"{n}-{k}", nick=nick, room=f"r{n % 2}") for k in range(3)]

            def done(batch: object) -> None:
                assert isinstance(batch, list)
                outcomes[nick].extend(batch)
                answered.release()

            harness.journal.submit(drafts, done)

    nicks = ["ana", "bob", "cleo", "dan"]
    threads = [threading.Thread(target=send, args=(nick,)) for nick in nicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for _ in range(80):
        assert answered.acquire(timeout=DEADLINE)
    messages = harness.wait_for(240)
    assert len(messages) == 240
    for room in ("r0", "r1"):
        here = [message for message in messages if message.room == room]
        assert [message.prev for message in here] == [0, *(message.seq for message in here[:-1])]
        for nick in nicks:
            said = [message.text for message in here if message.nick == nick]
            assert said == [f"{n}-{k}" for n in range(20) for k in range(3) if f"r{n % 2}" == room]
    for nick in nicks:
        seqs = {message.id: message.seq for message in messages if message.nick == nick}
        ids = [f"{nick}-{n}-{k}" for n in range(20) for k in range(3)]
        assert sorted(map(seqs.get, ids), key=str) == sorted(outcomes[nick], key=str)


def test_a_closed_journal_stores_nothing_and_may_be_closed_again(harness: Harness) -> None:
    harness.post("hi")
    harness.journal.close()
    harness.journal.close()
    (outcome,) = harness.submit(draft("late"))
    assert isinstance(outcome, Unavailable)
    assert outcome.retry_after > 0
    assert len(harness.messages) == 1


def test_drafts_submitted_before_close_are_stored_and_answered(harness: Harness) -> None:
    outcomes: list[Outcome] = []
    harness.journal.submit([draft(f"id-{n}") for n in range(50)], outcomes.extend)
    harness.journal.close()
    assert outcomes == [message.seq for message in harness.messages]
    assert [message.id for message in harness.messages] == [f"id-{n}" for n in range(50)]


def test_a_submission_that_is_no_longer_valid_is_refused_and_stores_nothing(harness: Harness) -> None:
    harness.post("first")
    (outcome,) = harness.submit(draft("late"), still_valid=lambda: False)
    assert isinstance(outcome, Unavailable)
    assert harness.reach("lobby", harness.messages[-1].seq)  # all is refused until the refusal is reported
    harness.post("second")
    assert [message.text for message in harness.wait_for(2)] == ["first", "second"]
