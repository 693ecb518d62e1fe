"""The judge of pages accepts a good visit and refuses each kind of bad one; else it would prove nothing."""

from dataclasses import replace

import pytest

from tests.faults.history import Log
from tests.page.judge import Kind, Shown, Visit, judge
from tests.protocol.frames import Message, Time

_AT = Time("2026-01-01T00:00:00Z")
_TEXTS = ("a", "b", "one", "c", "two")
_ROWS = [Shown(seq, f"id-{seq}", text) for seq, text in enumerate(_TEXTS, 1)]
GOOD = Visit("ada", since=2, written=["one", "two"], seen=_ROWS[2:], rows=_ROWS[1:])


def _log(*texts: str) -> Log:
    messages = [
        Message(room="lobby", seq=seq, prev=seq - 1, id=f"id-{seq}", nick="ada", text=text, at=_AT)
        for seq, text in enumerate(texts, 1)
    ]
    return Log("e", messages)


def test_a_good_visit_is_accepted() -> None:
    assert judge(_log(*_TEXTS), [GOOD]) == []


BAD = {
    "altered": replace(GOOD, seen=[*_ROWS, Shown(4, "id-4", "d")]),
    "missing": replace(GOOD, seen=_ROWS[3:]),
    "hole": replace(GOOD, rows=[_ROWS[1], *_ROWS[3:]]),
    "behind": replace(GOOD, rows=_ROWS[1:4]),
    "lost": replace(GOOD, written=["one", "two", "three"]),
    "own order": replace(GOOD, written=["two", "one"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_visit_is_refused(kind: Kind) -> None:
    assert [violation.kind for violation in judge(_log(*_TEXTS), [BAD[kind]])] == [kind]


def test_what_is_stored_twice_is_refused() -> None:
    rows = [*_ROWS, Shown(6, "id-6", "one")]
    visit = replace(GOOD, seen=rows[2:], rows=rows)
    assert [violation.kind for violation in judge(_log(*_TEXTS, "one"), [visit])] == ["stored twice"]


def test_rows_that_changed_places_are_refused() -> None:
    visit = replace(GOOD, rows=[*_ROWS[:2], _ROWS[3], _ROWS[2], _ROWS[4]])
    assert {violation.kind for violation in judge(_log(*_TEXTS), [visit])} == {"hole"}
