"""The law of reading, checked whole: what does not move the position, or wrongly, ends the session."""

from typing import Any

import pytest

from chatcore import Position, ProtocolError
from tests.client.script import EPOCH, Script, line, message


def ended(ana: Script) -> bool:
    """Tell whether the session has ended because the server broke the protocol."""
    return isinstance(ana.session.error, ProtocolError)


def gap(after: int, through: int, reason: str = "expired") -> bytes:
    """Return a gap in the lobby, as a line."""
    return line("gap", room="lobby", after=after, through=through, reason=reason)


WRONG = {
    "a message twice": message(1) + message(1),
    "a message that stays": message(1) + message(1, prev=1),
    "a message that goes back": message(1) + message(0, prev=1),
    "a message that skips": message(2),
    "a gap that stays": gap(0, 0),
    "a gap that goes back": message(1) + message(2) + gap(2, 1),
    "a gap that skips": gap(1, 2),
    "a gap twice": gap(0, 3) + gap(0, 3),
    "a reset in mid-stream": gap(0, 0, "reset"),
    "a reset that moves": gap(0, 3, "reset"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_entry_against_the_law_ends_the_session(wrong: str) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(WRONG[wrong])
    assert ended(ana)


@pytest.mark.parametrize("wrong", WRONG)
def test_the_law_holds_for_what_nobody_takes(wrong: str) -> None:
    ana = Script("ana", "lobby")
    ana.session.events.limit = 1
    ana.session.receive_data(WRONG[wrong])
    assert ended(ana)


@pytest.mark.parametrize(
    "joined",
    [
        {"head": 9, "after": 4},
        {"head": 9, "after": 6},
        {"head": 9, "after": 0},
        {"head": 4, "after": 5},
        {"epoch": "another", "head": 9, "after": 5},
    ],
)
def test_a_resume_elsewhere_ends_the_session(joined: dict[str, Any]) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 6)))
    ana.cut()
    ana.connect(nick="ana")
    ana.let_in(**joined)
    assert ended(ana)


@pytest.mark.parametrize("joined", [{"epoch": "another", "head": 9}, {"head": 4}])
def test_a_reset_must_be_said(joined: dict[str, Any]) -> None:
    for said, is_wrong in ((gap(0, 0, "reset") + message(1), False), (message(1), True), (gap(0, 1), True)):
        ana = Script("ana", "lobby")
        ana.session.receive_data(b"".join(message(seq) for seq in range(1, 6)))
        ana.cut()
        ana.connect(nick="ana")
        ana.let_in(**{"after": 0, **joined})
        ana.session.receive_data(said)
        assert ended(ana) is is_wrong


@pytest.mark.parametrize("joined", [{}, {"head": 1, "after": 1}, {"epoch": "another", "after": 1, "head": 1}])
def test_a_room_that_is_joined_again_unasked_ends_the_session(joined: dict[str, Any]) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(message(1))
    ana.let_in(**joined)
    assert ended(ana)


def test_a_log_that_is_replaced_is_read_from_its_beginning() -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(message(1))
    ana.let_in(epoch="another", head=1, after=0)
    ana.session.receive_data(gap(0, 0, "reset") + message(1))
    assert not ended(ana)
    assert ana.types()[-3:] == ["joined", "gap", "message"]


def test_a_room_that_was_not_asked_for_ends_the_session() -> None:
    ana = Script("ana", "lobby")
    ana.let_in("attic")
    assert ended(ana)


@pytest.mark.parametrize(
    ("asked", "joined", "is_wrong"),
    [
        ({}, {"head": 3, "after": 3}, False),
        ({}, {"head": 3, "after": 2}, True),
        ({}, {"head": 3, "after": 4}, True),
        ({"history": 2}, {"head": 3, "after": 1}, False),
        ({"history": 2}, {"head": 3, "after": 4}, True),
        ({"after": 2}, {"head": 3, "after": 2}, False),
        ({"after": 2}, {"head": 3, "after": 3}, True),
        ({"after": 2}, {"head": 3, "after": 0}, True),
        ({"after": 4}, {"head": 3, "after": 0}, False),
        ({"after": 2}, {"head": 3, "after": 0, "epoch": "another"}, False),
        ({"after": 2}, {"head": 3, "after": 2, "epoch": "another"}, True),
    ],
)
def test_a_join_begins_where_it_was_asked_to(
    asked: dict[str, int], joined: dict[str, Any], is_wrong: bool
) -> None:
    ana = Script("ana")
    after = Position(epoch=EPOCH, seq=asked["after"]) if "after" in asked else None
    ana.session.join("lobby", after=after, history=asked.get("history"))
    ana.let_in(**joined)
    assert ended(ana) is is_wrong


# --- pages ---------------------------------------------------------------------------------------


def page(*seqs: int, base: int, **fields: Any) -> dict[str, Any]:
    """Return a page of the lobby with these messages, each of which follows the one before."""
    at = "2026-11-23T14:35:25.649329Z"
    before = [base, *seqs]
    return {
        "base": base,
        "messages": [
            {
                "type": "message",
                "room": "lobby",
                "seq": seq,
                "prev": before[number],
                "id": f"m-{seq}",
                "nick": "bob",
                "text": "hello",
                "at": at,
            }
            for number, seq in enumerate(seqs)
        ],
        **fields,
    }


def pgap(after: int, through: int, reason: str = "damaged") -> dict[str, Any]:
    """Return a gap as pages have it."""
    return {"after": after, "through": through, "reason": reason}


GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, page(8, 9, base=7)),
    ({}, page(base=0)),
    ({"after": 7}, page(8, 9, base=7)),
    ({"after": 7}, page(base=7)),
    ({"after": 3}, page(8, 9, base=7, gaps=[pgap(3, 7, "expired")])),
    ({"after": 3}, page(base=7, gaps=[pgap(3, 7, "expired")])),
    ({"after": 7}, page(12, base=9, gaps=[pgap(7, 9, "expired")])),
    ({"after": 8}, page(9, base=7)),
    ({"before": 9}, page(7, 8, base=6)),
    ({"limit": 1}, page(8, base=7)),
]


@pytest.mark.parametrize(("asked", "given"), GOOD)
def test_a_page_that_fits_is_the_answer(asked: dict[str, Any], given: dict[str, Any]) -> None:
    assert not ended(answered(asked, given))


BAD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, page(8, 8, base=7)),
    ({}, page(9, 8, base=7)),
    ({}, page(8, base=7, gaps=[pgap(7, 8)])),
    ({}, page(8, base=7, gaps=[pgap(9, 9)])),
    ({}, page(8, base=7, gaps=[pgap(9, 10)])),
    ({}, page(8, base=7, room="attic")),
    ({"after": 6}, page(8, 9, base=7)),
    ({"after": 8}, page(8, 9, base=7)),
    ({"after": 3}, page(8, 9, base=7, gaps=[pgap(4, 7, "expired")])),
    ({"after": 3}, page(base=7)),
    ({"before": 9}, page(8, 9, base=7)),
    ({"limit": 1}, page(8, 9, base=7)),
]


@pytest.mark.parametrize(("asked", "given"), BAD)
def test_a_page_against_the_law_ends_the_session(asked: dict[str, Any], given: dict[str, Any]) -> None:
    assert ended(answered(asked, given))


def answered(asked: dict[str, Any], given: dict[str, Any]) -> Script:
    """Ask for a page and give one; return who has asked."""
    ana = Script("ana", "lobby")
    ana.session.history("lobby", **asked)
    (frame,) = ana.sent()
    usual = {"room": "lobby", "epoch": EPOCH, "more": False, "token": frame["token"]}
    ana.say("page", **{**usual, **given})
    return ana
