"""What a message is besides its text: it is stored with it, and part of what an id stands for."""

import itertools

from chatcore.journal import Conflict, Draft
from tests.journal.contract.harness import Harness, numbers

POSTS = [
    Draft("lobby", "id-1", "ana", text, kind, target)
    for text in ("looks around", "1")
    for kind in (None, "action", "notice", "x.poll")
    for target in (None, 1, 11)
]
"""Any two of these are different posts under one id."""


def test_a_message_is_stored_with_its_kind_and_target(harness: Harness) -> None:
    harness.submit(
        Draft("lobby", "1", "ana", "hi"),
        Draft("lobby", "2", "ana", "looks around", "action"),
        Draft("lobby", "3", "ana", "yes", "x.vote", 1),
    )
    assert [(message.kind, message.target) for message in harness.wait_for(3)] == [
        (None, None),
        ("action", None),
        ("x.vote", 1),
    ]
    lines = [entry.line for entry in harness.read().messages]
    assert [b'"kind"' in line for line in lines] == [False, True, True]
    assert [b'"target":1,' in line for line in lines] == [False, False, True]


def test_the_line_of_a_plain_text_has_nothing_but_what_it_always_had(harness: Harness) -> None:
    harness.clock.now = 1_800_000_000.25
    (outcome,) = harness.submit(Draft("lobby", "id-1", "ana", "hi", author="ana@example.org"))
    (entry,) = harness.read().messages
    assert (
        entry.line
        == (
            b'{"type":"message","room":"lobby","seq":%d,"prev":0,"id":"id-1","nick":"ana","text":"hi",'
            b'"at":"2027-01-15T08:00:00.250000Z"}\n'
        )
        % numbers([outcome])[0]
    )


def test_the_same_id_with_another_kind_target_or_text_is_a_conflict(harness: Harness) -> None:
    for n, (one, other) in enumerate(itertools.permutations(POSTS, 2)):
        if n % 7:  # a part of them will do
            continue
        one, other = one._replace(id=f"id-{n}"), other._replace(id=f"id-{n}")
        (outcome,) = harness.submit(one)
        assert harness.submit(other, one) == [Conflict(), outcome]


def test_what_was_posted_decides_whatever_was_stored_in_its_place(harness: Harness) -> None:
    damn, darn = (None, None, "damn"), (None, None, "darn")
    rewritten = Draft("lobby", "id-1", "ana", "d***", posted=damn)
    (outcome,) = harness.submit(rewritten)
    assert harness.submit(rewritten._replace(text="(removed)")) == [outcome]
    assert harness.submit(Draft("lobby", "id-1", "ana", "damn")) == [outcome]
    assert harness.submit(rewritten._replace(posted=darn)) == [Conflict()]
    assert harness.submit(Draft("lobby", "id-1", "ana", "d***")) == [Conflict()]
    assert [message.text for message in harness.messages] == ["d***"]


def test_two_drafts_submitted_together_are_compared_by_what_was_posted(harness: Harness) -> None:
    posted = (None, None, "damn")
    first = Draft("lobby", "id-1", "ana", "d***", posted=posted)
    outcomes = harness.submit(first, first._replace(text="****"), first._replace(kind="action", posted=None))
    (message,) = harness.messages
    assert outcomes == [message.seq, message.seq, Conflict()]


def test_the_kind_of_an_expired_message_still_belongs_to_its_id(small: Harness) -> None:
    draft = Draft("lobby", "wave", "ana", "waves", "action")
    (outcome,) = small.submit(draft)
    small.post(*map(str, range(100)))
    small.submit()
    assert outcome not in [message.seq for message in small.available()]
    assert small.submit(draft) == [outcome]
    assert small.submit(draft._replace(kind=None)) == [Conflict()]
