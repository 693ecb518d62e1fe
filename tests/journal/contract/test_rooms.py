"""The list of rooms, and rooms that are removed."""

import threading
from random import Random

import pytest

from chatcore.journal import Conflict, Draft, Unavailable
from tests.journal.contract.harness import DEADLINE, Answer, Harness

NAMES = ["a", "a-b", "a.b", "a_b", "aa", "b", "lobby", "ops", "ops-2", "ops.x", "ops_y", "z" * 50]
"""Names in the order of ASCII."""


def listed(harness: Harness, prefix: str = "", limit: int = 100) -> list[str]:
    """Return the names of all rooms, page by page."""
    names: list[str] = []
    more = True
    while more:
        page = harness.rooms(names[-1] if names else None, prefix, limit)
        assert len(page.rooms) <= limit
        names += [record.room for record in page.rooms]
        more = page.more
        assert page.rooms or not more
    return names


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_rooms_are_listed_in_the_order_of_their_names_in_pages(harness: Harness, limit: int) -> None:
    assert listed(harness) == []
    Random(1).shuffle(shuffled := list(NAMES))
    for name in shuffled:
        harness.post("hi", room=name)
    assert listed(harness, limit=limit) == sorted(NAMES) == NAMES
    for prefix in ("a", "a-", "a_", "a.", "ops", "ops-", "op%", "z", "zz", "0", "lobby", "lobby1"):
        wanted = [name for name in NAMES if name.startswith(prefix)]
        assert listed(harness, prefix, limit) == wanted


def test_a_page_of_rooms_begins_after_any_name_whether_or_not_there_is_such_a_room(harness: Harness) -> None:
    for name in NAMES:
        harness.post("hi", room=name)
    for after in (*NAMES, "-", "a-a", "ops-", "zz", "zzz"):
        for prefix in ("", "a", "ops"):
            wanted = [name for name in NAMES if name > after and name.startswith(prefix)]
            page = harness.rooms(after, prefix, 2)
            assert [record.room for record in page.rooms] == wanted[:2]
            assert page.more is (len(wanted) > 2)


def test_a_listed_room_has_the_number_and_the_time_of_its_last_message(harness: Harness) -> None:
    harness.post("one", "two")
    harness.clock.now += 5.5
    harness.post("three", room="b")
    assert harness.rooms().rooms == tuple(
        (message.room, message.seq, message.at) for message in (harness.messages[2], harness.messages[1])
    )


def test_a_room_of_which_all_but_the_last_has_expired_is_listed(small: Harness) -> None:
    last = small.messages[-1]
    assert small.rooms().rooms == (("lobby", last.seq, last.at),)


def test_a_room_that_exists_all_the_time_is_listed_once_while_others_come_and_go(harness: Harness) -> None:
    random = Random(2)
    stable = NAMES[::2]
    for name in stable:
        harness.post("hi", room=name)
    for _ in range(20):
        found: list[str] = []
        more = True
        while more:
            name = random.choice(NAMES[1::2])
            if random.random() < 0.5:
                harness.post("hi", room=name)
            else:
                harness.remove(name)
            page = harness.rooms(found[-1] if found else None, "", random.randint(1, 3))
            found += [record.room for record in page.rooms]
            more = page.more
        assert [name for name in found if name in stable] == stable
        assert found == sorted(set(found))


# --- removing ------------------------------------------------------------------------------------


def test_a_removed_room_is_not_listed_and_reads_as_expired(harness: Harness) -> None:
    head = harness.post(*map(str, range(9)))[-1]
    harness.post("elsewhere", room="b")
    assert harness.remove()
    assert listed(harness) == ["b"]
    for page in (harness.read(after=0), harness.read(after=2), harness.read()):
        assert (page.messages, page.base, page.through, page.more) == ((), head, head, False)
    at = harness.messages[0].at
    page = harness.read(after_at=at)
    assert (page.messages, page.base, page.oldest) == ((), head, head)
    assert len(harness.read("b").messages) == 1


def test_removing_a_room_that_is_not_there_changes_nothing(harness: Harness) -> None:
    assert not harness.remove("nowhere")
    harness.post("hi")
    assert harness.remove()
    assert not harness.remove()
    assert listed(harness) == []


def test_a_post_to_a_removed_room_follows_its_head_and_lists_it_again(harness: Harness) -> None:
    head = harness.post("one", "two")[-1]
    harness.remove()
    (seq,) = harness.post("three")
    assert seq > head
    assert harness.messages[-1].prev == head
    assert harness.rooms().rooms == (("lobby", seq, harness.messages[-1].at),)
    page = harness.read(after=0)
    assert (page.base, [entry.seq for entry in page.messages], page.through) == (head, [seq], seq)
    assert harness.remove()
    assert listed(harness) == []


def test_the_ids_of_a_removed_room_are_remembered_for_the_dedupe_time(harness: Harness) -> None:
    draft = Draft("lobby", "id-1", "ana", "hi")
    (outcome,) = harness.submit(draft)
    harness.remove()
    assert harness.submit(draft) == [outcome]
    assert harness.submit(draft._replace(text="other")) == [Conflict()]
    assert listed(harness) == []


def test_a_large_room_is_removed_completely(harness: Harness) -> None:
    head = 0
    for n in range(5):
        head = harness.post(*(f"{n}-{k}" for k in range(500)))[-1]
    assert harness.remove()
    assert (harness.read().messages, harness.head()) == ((), head)
    assert listed(harness) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_removal_takes_what_was_posted_before_it_and_leaves_what_comes_after(
    harness: Harness, seed: int
) -> None:
    random = Random(seed)
    removals: list[Answer[bool | Unavailable]] = []
    kept: list[str] = []
    last = threading.Event()
    for n in range(60):
        drafts = [Draft("lobby", f"{n}-{k}", "ana", f"{n}-{k}") for k in range(random.randint(1, 20))]
        harness.journal.submit(drafts, lambda _, n=n: last.set() if n == 59 else None)  # type: ignore[misc]
        kept += [draft.id for draft in drafts]
        if random.random() < 0.3:
            removals.append(Answer())
            harness.journal.remove_room("lobby", removals[-1].take)
            kept = []
    assert last.wait(DEADLINE)
    assert removals
    assert all(removal.available() for removal in removals)
    page = harness.read(after=0)
    everything = [message.id for message in harness.messages]
    assert [entry.id for entry in page.messages] == kept == everything[len(everything) - len(kept) :]
    assert page.base == ([0, *(message.seq for message in harness.messages)])[len(everything) - len(kept)]
    assert listed(harness) == (["lobby"] if kept else [])
