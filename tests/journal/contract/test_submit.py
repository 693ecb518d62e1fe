"""What a journal stores, and in which order."""

import threading
from collections import defaultdict

from chatcore.journal import Draft, Outcome
from tests.journal.contract.record import DEADLINE, Record


def draft(id_: str, text: str = "hi", *, room: str = "lobby", nick: str = "ana") -> Draft:
    """Return a post."""
    return Draft(room, id_, nick, text)


def test_the_life_of_the_record_is_told_before_anything_else(record: Record) -> None:
    assert record.told == ["opened"]
    ((epoch, heads),) = record.opened_with
    assert epoch
    assert heads == {}


def test_an_entry_holds_what_was_said_and_by_whom(record: Record) -> None:
    assert record.submit(Draft("lobby", "id-1", "ana", "one\ntwo \U0001f600")) == [Outcome("stored", 1)]
    (message,) = record.wait_for(1)
    assert (message.room, message.id, message.nick, message.text) == (
        "lobby",
        "id-1",
        "ana",
        "one\ntwo \U0001f600",
    )
    assert message.at.utcoffset() is not None


def test_numbers_rise_from_one_and_each_entry_names_the_one_before(record: Record) -> None:
    for n in range(5):
        record.post(*(f"{n}-{k}" for k in range(4)))
    messages = record.wait_for(20)
    assert messages[0].seq >= 1
    assert [message.prev for message in messages] == [0, *(message.seq for message in messages[:-1])]
    assert all(message.prev < message.seq for message in messages)


def test_each_room_has_numbers_of_its_own(record: Record) -> None:
    record.submit(draft("1", room="a"), draft("1", room="b"), draft("2", room="a"), draft("2", room="b"))
    messages = record.wait_for(4)
    for room in "ab":
        chain = [(message.prev, message.seq) for message in messages if message.room == room]
        assert chain[0][0] == 0
        assert chain[0][1] == chain[1][0]


def test_each_draft_gets_its_own_outcome_in_order(record: Record) -> None:
    record.post("first")
    outcomes = record.submit(draft("a", "x"), draft("a", "x"), draft("b"), draft("a", "y"), draft("c"))
    assert [outcome.kind for outcome in outcomes] == ["stored", "repeat", "stored", "conflict", "stored"]
    stored = [message.seq for message in record.wait_for(4)[1:]]
    assert [outcomes[0].seq, outcomes[2].seq, outcomes[4].seq] == stored
    assert outcomes[1].seq == outcomes[0].seq


def test_nothing_to_store_is_answered_too(record: Record) -> None:
    assert record.submit() == []


def test_the_same_id_and_text_is_a_repeat_whoever_says_it(record: Record) -> None:
    (first,) = record.submit(draft("id-1"))
    assert record.submit(draft("id-1")) == [Outcome("repeat", first.seq)]
    assert record.submit(draft("id-1", nick="anna")) == [Outcome("repeat", first.seq)]
    record.post("another")
    assert len(record.wait_for(2)) == 2


def test_the_same_id_with_another_text_is_a_conflict_and_changes_nothing(record: Record) -> None:
    record.submit(draft("id-1", "hi"))
    assert record.submit(draft("id-1", "hi ")) == [Outcome("conflict")]
    (entry,) = record.read().messages
    assert b'"text":"hi"' in entry.line
    assert record.submit(draft("id-1", "hi"))[0].kind == "repeat"


def test_an_id_is_of_one_room(record: Record) -> None:
    outcomes = record.submit(draft("id-1", "one", room="a"), draft("id-1", "two", room="b"))
    assert [outcome.kind for outcome in outcomes] == ["stored", "stored"]


def test_what_was_refused_or_repeated_leaves_no_hole_for_readers(record: Record) -> None:
    record.submit(draft("a", "x"), draft("a", "y"), draft("a", "x"), draft("b"))
    first, second = record.wait_for(2)
    assert second.prev == first.seq


def test_an_id_is_known_after_its_entry_has_expired(small: Record) -> None:
    gone = [message for message in small.messages if message not in small.kept()]
    assert len(gone) > 50
    for message in (gone[0], gone[-1]):
        again = draft(message.id, message.text)
        assert small.submit(again) == [Outcome("repeat", message.seq)]
        assert small.submit(again._replace(text="other")) == [Outcome("conflict")]
    small.clock.now += small.journal.dedupe_seconds - 1.0
    assert small.submit(draft(gone[-1].id, gone[-1].text))[0].kind == "repeat"


def test_an_expired_id_is_forgotten_when_nobody_can_be_sending_it_still(small: Record) -> None:
    gone = small.messages[0]
    small.clock.now += small.journal.dedupe_seconds + 1.0
    small.post("a later one")
    (outcome,) = small.submit(draft(gone.id, "something else"))
    assert outcome.kind == "stored"
    assert outcome.seq > small.messages[99].seq


def test_an_id_is_known_as_long_as_its_entry_is_kept(small: Record) -> None:
    small.clock.now += small.journal.dedupe_seconds * 100
    small.post("a later one")
    last = small.messages[-2]
    assert last in small.kept()
    assert small.submit(draft(last.id, last.text)) == [Outcome("repeat", last.seq)]


def test_many_threads_at_once_keep_each_senders_order(record: Record) -> None:
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    answered = threading.Semaphore(0)

    def send(nick: str) -> None:
        for n in range(20):
            drafts = [draft(f"{nick}-{n}-{k}", f"{n}-{k}", nick=nick, room=f"r{n % 2}") for k in range(3)]

            def done(batch: object) -> None:
                assert isinstance(batch, list)
                outcomes[nick].extend(batch)
                answered.release()

            record.journal.submit(drafts, done)

    nicks = ["ana", "bob", "cleo", "dan"]
    threads = [threading.Thread(target=send, args=(nick,)) for nick in nicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for _ in range(80):
        assert answered.acquire(timeout=DEADLINE)
    messages = record.wait_for(240)
    assert len(messages) == 240
    for room in ("r0", "r1"):
        here = [message for message in messages if message.room == room]
        assert [message.prev for message in here] == [0, *(message.seq for message in here[:-1])]
        for nick in nicks:
            said = [message.text for message in here if message.nick == nick]
            assert said == [f"{n}-{k}" for n in range(20) for k in range(3) if f"r{n % 2}" == room]
    assert {outcome.kind for each in outcomes.values() for outcome in each} == {"stored"}


def test_closing_twice_is_closing_and_then_nothing_is_stored(record: Record) -> None:
    record.post("hi")
    record.journal.close()
    record.journal.close()
    (outcome,) = record.submit(draft("late"))
    assert outcome.kind == "unavailable"
    assert outcome.retry_after > 0
    assert len(record.messages) == 1


def test_what_was_submitted_before_closing_is_answered(record: Record) -> None:
    outcomes: list[Outcome] = []
    record.journal.submit([draft(f"id-{n}") for n in range(50)], outcomes.extend)
    record.journal.close()
    assert [outcome.kind for outcome in outcomes] == ["stored"] * 50
    assert [message.id for message in record.messages] == [f"id-{n}" for n in range(50)]
