"""The checker accepts good histories and refuses each kind of bad one; else it would prove nothing."""

from collections.abc import Iterable

import pytest

from tests.faults.checker import Violation, check
from tests.faults.history import Connected, Event, Finished, Log, Received, Sent
from tests.protocol.frames import (
    Ack,
    Code,
    Durability,
    Error,
    Gap,
    GapReason,
    Join,
    Joined,
    Message,
    Position,
    Post,
    Time,
)

AT = Time("2026-01-01T00:00:00Z")


def message(
    seq: int, text: str = "", *, prev: int | None = None, id_: str = "", nick: str = "ana"
) -> Message:
    """Return a message; by default its text and id are made of its number."""
    text = text or f"text {seq}"
    before = seq - 1 if prev is None else prev
    return Message(room="lobby", seq=seq, prev=before, id=id_ or f"id-{seq}", nick=nick, text=text, at=AT)


def joined(head: int, after: int, epoch: str = "e1") -> Joined:
    """Return the answer to a join."""
    return Joined(room="lobby", epoch=epoch, head=head, after=after, count=1)


def ack(seq: int, id_: str = "", durability: Durability = "synced") -> Ack:
    """Return an acknowledgement."""
    return Ack(room="lobby", id=id_ or f"id-{seq}", seq=seq, durability=durability)


def post(number: int, text: str = "") -> Post:
    """Return a post."""
    return Post(room="lobby", id=f"id-{number}", text=text or f"text {number}")


def gap(after: int, through: int, reason: GapReason = "expired") -> Gap:
    """Return a gap."""
    return Gap(room="lobby", after=after, through=through, reason=reason)


def refusal(number: int, code: Code = "unavailable") -> Error:
    """Return the refusal of a post."""
    return Error(code=code, message="no", room="lobby", id=f"id-{number}")


def log(*numbers: int, base: int = 0, epoch: str = "e1") -> dict[str, Log]:
    """Return a log with these messages."""
    return {"lobby": Log(epoch, [message(seq) for seq in numbers], base)}


def client(name: str, *frames: object) -> list[Event]:
    """Return what happened to a client: what it sent and received."""
    events: list[Event] = []
    for frame in frames:
        match frame:
            case Join():
                events += [Connected(name), Sent(name, frame)]
            case Post():
                events.append(Sent(name, frame))
            case Joined() | Message() | Ack() | Gap() | Error():
                events.append(Received(name, frame))
            case "finished":
                events.append(Finished(name, "lobby"))
            case _:
                raise AssertionError(frame)
    return events


def kinds(violations: Iterable[Violation]) -> set[str]:
    """Return what kinds of promise were broken."""
    return {violation.kind for violation in violations}


NEW = Join(room="lobby")


def resume(seq: int, epoch: str = "e1") -> Join:
    """Return a join that resumes."""
    return Join(room="lobby", after=Position(epoch=epoch, seq=seq))


GOOD = {
    "nothing": ([], {}),
    "a talk": (
        client("ana", NEW, joined(0, 0), post(1), ack(1), message(1), message(2), "finished")
        + client("bob", NEW, joined(0, 0), message(1), post(2), message(2), ack(2), "finished"),
        log(1, 2),
    ),
    "sent again after a lost answer": (
        client("ana", NEW, joined(0, 0), post(1), resume(0), joined(1, 0), post(1), message(1), ack(1)),
        log(1),
    ),
    "resumed": (
        client(
            "ana", NEW, joined(1, 1), message(2), resume(2), joined(4, 2), message(3), message(4), "finished"
        ),
        log(1, 2, 3, 4),
    ),
    "expired, and said so": (
        client(
            "ana", NEW, joined(1, 1), resume(1), joined(6, 1), gap(1, 4), message(5), message(6), "finished"
        ),
        log(5, 6, base=4),
    ),
    "a new epoch, announced": (
        client("ana", NEW, joined(3, 3), resume(3), joined(1, 0, "e2"), gap(0, 0, "reset"), message(1)),
        log(1, epoch="e2"),
    ),
    "an unsafe acknowledgement lost with its epoch": (
        client("ana", NEW, joined(0, 0), post(1), ack(1, durability="memory")),
        log(epoch="e2"),
    ),
    "refused for good, and the next one said": (
        client("ana", NEW, joined(0, 0), post(5), refusal(5, "conflict"), post(1), ack(1)),
        log(1),
    ),
    "refused for now, and given up last": (
        client("ana", NEW, joined(0, 0), post(1), ack(1), post(2), refusal(2)),
        log(1),
    ),
    "acknowledged, and expired since": (
        client("ana", NEW, joined(0, 0), post(1), ack(1), post(2), ack(2)),
        log(2, base=1),
    ),
    "numbers with holes": (
        client("ana", NEW, joined(0, 0), message(10, prev=0), message(20, prev=10), "finished"),
        {"lobby": Log("e1", [message(10, prev=0), message(20, prev=10)])},
    ),
}

BAD = {
    "acknowledged but missing": (
        "lost",
        client("ana", NEW, joined(0, 0), post(1), ack(1)),
        log(),
    ),
    "acknowledged safely and lost with its epoch": (
        "lost",
        client("ana", NEW, joined(0, 0), post(1), ack(1)),
        log(epoch="e2"),
    ),
    "acknowledged unsafely and lost within its epoch": (
        "lost",
        client("ana", NEW, joined(0, 0), post(1), ack(1, durability="memory")),
        log(),
    ),
    "shown but missing": ("lost", client("ana", NEW, joined(0, 0), message(1)), log()),
    "acknowledged under the number of something else": (
        "false ack",
        client("ana", NEW, joined(0, 0), post(1), ack(2, "id-1")),
        log(1, 2),
    ),
    "acknowledged under a number that is another's, and nowhere else": (
        "false ack",
        client("ana", NEW, joined(0, 0), post(7), ack(1, "id-7")),
        log(1),
    ),
    "acknowledged with another text": (
        "false ack",
        client("ana", NEW, joined(0, 0), post(1, "what was really said"), ack(1)),
        log(1),
    ),
    "acknowledged twice under two numbers": (
        "false ack",
        client("ana", NEW, joined(0, 0), post(1), ack(1), post(1), ack(2, "id-1")),
        log(1, 2),
    ),
    "acknowledged, and never sent": ("false ack", client("ana", NEW, joined(0, 0), ack(1)), log(1)),
    "recorded twice": (
        "duplicated",
        client("ana", NEW, joined(0, 0), post(1), ack(1)),
        {"lobby": Log("e1", [message(1), message(2, id_="id-1", text="text 1")])},
    ),
    "shown twice under two numbers": (
        "duplicated",
        client("ana", NEW, joined(0, 0), message(1), message(2, id_="id-1")),
        {"lobby": Log("e1", [message(1), message(2, id_="id-1")])},
    ),
    "shown twice": (
        "duplicated",
        client("ana", NEW, joined(0, 0), message(1), message(2), message(2)),
        log(1, 2),
    ),
    "shown again after a resume": (
        "duplicated",
        client("ana", NEW, joined(0, 0), message(1), message(2), resume(2), joined(2, 1), message(2)),
        log(1, 2),
    ),
    "asked for again": (
        "duplicated",
        client("ana", NEW, joined(0, 0), message(1), message(2), resume(1), joined(2, 1), message(2)),
        log(1, 2),
    ),
    "shown in another order": (
        "reordered",
        client("ana", NEW, joined(0, 0), message(2, prev=0), message(1)),
        log(1, 2),
    ),
    "recorded in another order": ("reordered", [], log(2, 1)),
    "two members disagree on a text": (
        "disagreement",
        client("ana", NEW, joined(0, 0), message(1)) + client("bob", NEW, joined(0, 0), message(1, "other")),
        log(1),
    ),
    "two members disagree on what comes first": (
        "disagreement",
        client("ana", NEW, joined(0, 0), message(1, id_="x"), message(2, id_="y"))
        + client("bob", NEW, joined(0, 0), message(1, id_="y"), message(2, id_="x")),
        {"lobby": Log("e1", [message(1, id_="x"), message(2, id_="y")])},
    ),
    "a member and the log disagree": (
        "disagreement",
        client("ana", NEW, joined(0, 0), message(1, "what was shown")),
        log(1),
    ),
    "a hole without a gap": ("hole", client("ana", NEW, joined(0, 0), message(1), message(3)), log(1, 2, 3)),
    "a hole at the start": ("hole", client("ana", NEW, joined(0, 0), message(2)), log(1, 2)),
    "a hole that the resume made": (
        "hole",
        client("ana", NEW, joined(0, 0), message(1), resume(1), joined(3, 2), message(3)),
        log(1, 2, 3),
    ),
    "a hole that the client made": (
        "hole",
        client("ana", NEW, joined(0, 0), message(1), resume(2), joined(3, 2), message(3)),
        log(1, 2, 3),
    ),
    "a new epoch without a reset": (
        "hole",
        client("ana", NEW, joined(3, 3), resume(3), joined(3, 0, "e2"), message(3)),
        log(1, 2, 3, epoch="e2"),
    ),
    "a gap that begins elsewhere": (
        "hole",
        client("ana", NEW, joined(0, 0), message(1), gap(2, 4), message(5)),
        log(5, base=4),
    ),
    "a gap over what is there": (
        "hole",
        client("ana", NEW, joined(0, 0), gap(0, 2), message(3)),
        log(1, 2, 3),
    ),
    "a hole in the log": (
        "hole",
        [],
        {"lobby": Log("e1", [message(1), message(3)])},
    ),
    "delivered in a room that was not joined": ("hole", client("ana", message(1)), log(1)),
    "one's own words turned round": (
        "own order",
        client("ana", NEW, joined(0, 0), post(2), post(1), ack(1), ack(2)),
        log(1, 2),
    ),
    "one's own words skipped": (
        "own order",
        client("ana", NEW, joined(0, 0), post(7), refusal(7), post(1), ack(1)),
        log(1),
    ),
    "read to an end that is none": (
        "incomplete",
        client("ana", NEW, joined(0, 0), message(1), "finished"),
        log(1, 2),
    ),
    "read to the end of another epoch": (
        "incomplete",
        client("ana", NEW, joined(1, 1), "finished"),
        log(1, epoch="e2"),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_is_accepted(name: str) -> None:
    events, logs = GOOD[name]
    assert check(events, logs) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_refused_for_the_right_reason(name: str) -> None:
    kind, events, logs = BAD[name]
    assert kind in kinds(check(events, logs))


def test_a_loss_counts_only_beyond_what_the_durability_promises() -> None:
    events = client("ana", NEW, joined(0, 0), post(1), ack(1, durability="written"))
    assert kinds(check(events, log(epoch="e2"))) == {"lost"}
    assert check(events, log(epoch="e2"), survives=("synced",)) == []


def test_a_violation_says_in_words_what_is_wrong() -> None:
    (violation,) = check(client("ana", NEW, joined(0, 0), post(1), ack(1)), log())
    assert violation.words.startswith("ana got")
    assert violation.words.endswith("and it is not there")
