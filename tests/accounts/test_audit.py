"""The audit: what is noted of whom, for how long, and what is not worth an entry."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts, Administration, statements
from chatcore.gate import Act, Person
from tests.accounts.people import Clock, act, ask, enter, gate_over, key_of

ADA = frozenset({"ada"})


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> int:
    """A small number of entries of each kind."""
    monkeypatch.setattr(statements, "AUDIT", 5)
    return 5


def kinds(book: Administration) -> tuple[int, int]:
    """Count the entries of operators and moderators, and those of members."""
    entries = book.audit(1_000)
    members = sum(entry.by in ("ada", "bob", "gus") for entry in entries)
    return len(entries) - members, members


def flip(gate: Accounts, room: str, times: int) -> None:
    """Let a member make a room private and public, so that each time something changes."""
    for number in range(times):
        what: Act = "open" if number % 2 else "close"
        assert act(gate, "ada", what, room, present=ADA) is None


def test_what_is_done_is_in_the_audit_and_what_is_refused_is_not(
    gate: Accounts, book: Administration, clock: Clock
) -> None:
    before = len(book.audit())
    act(gate, "mona", "mute", "lobby", "ada-phone", 60.0)
    act(gate, "ada", "mute", "lobby", "bob", 60.0)
    book.set_role("bob", "guest")
    book.ban("192.0.2.9", seconds=5.0, reason="spam")
    entries = book.audit()[before:]
    assert [(each.by, each.act, each.room, each.target, each.seconds, each.reason) for each in entries] == [
        ("mona", "mute", "lobby", "ada", 60.0, "why"),
        ("local:root", "role", None, "bob", None, "guest"),
        ("local:root", "ban", None, "192.0.2.9/32", 5.0, "spam"),
    ]
    assert {each.at for each in entries} == {clock.time}


def test_members_push_out_entries_of_members_alone(gate: Accounts, book: Administration, bound: int) -> None:
    act(gate, "mona", "ban", None, "gus")
    before, _ = kinds(book)
    flip(gate, "ops", 20)
    assert kinds(book) == (before, bound)
    assert [entry.act for entry in book.audit() if entry.by == "mona"] == ["ban"]


def test_a_keeper_who_kicks_and_admits_is_a_member(gate: Accounts, book: Administration, bound: int) -> None:
    act(gate, "ada", "close", "ops", present=ADA)
    before, _ = kinds(book)
    for what in ("admit", "kick") * 5:
        assert act(gate, "ada", what, "ops", "bob") is None
    assert kinds(book) == (before, bound)


def test_devices_and_their_invites_count_as_members_also_those_of_a_moderator(
    gate: Accounts, book: Administration, bound: int
) -> None:
    act(gate, "mona", "ban", None, "gus")
    mona = enter(gate, "mona")
    for number in range(5):
        enter(gate, "mona", key_of("mona", f"{number}"), ask(gate.invite_device, mona).secret)
    entries = book.audit(1_000)
    assert sum(entry.act in ("invite", "enroll") for entry in entries) == bound
    assert next(entry.act for entry in entries if entry.by == "mona") == "ban"


def test_operators_push_out_no_entries_of_members(gate: Accounts, book: Administration, bound: int) -> None:
    flip(gate, "ops", 2)
    for number in range(20):
        book.ban(f"192.0.2.{number}")
    assert kinds(book) == (bound, 2)
    assert book.audit()[-1].target == "192.0.2.19/32"


def test_both_kinds_are_listed_in_the_order_in_which_they_were_done(
    gate: Accounts, book: Administration
) -> None:
    flip(gate, "ops", 1)
    book.ban("192.0.2.9")
    flip(gate, "den", 1)
    assert [(entry.by, entry.room) for entry in book.audit(3)] == [
        ("ada", "ops"),
        ("local:root", None),
        ("ada", "den"),
    ]
    assert [entry.room for entry in book.audit(1)] == ["den"]


def test_the_entries_of_an_earlier_version_are_told_apart(path: Path, bound: int, clock: Clock) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in (
            "DROP INDEX audit_of",
            "ALTER TABLE audit DROP COLUMN by_member",
            "ALTER TABLE audit DROP COLUMN nth",
            "DROP TRIGGER forget_admissions",
            "DROP TABLE admissions",
            "DELETE FROM audit",
            "INSERT INTO audit (at, by, act) VALUES (1, 'mona', 'ban'), (1, 'local:x', 'invite')",
            "INSERT INTO audit (at, by, act) VALUES (1, 'ada', 'open')",
            "PRAGMA user_version = 2",
        ):
            db.execute(statement)
        db.commit()
    with closing(gate_over(path, now=clock)) as gate, Administration(path, by="local:root") as book:
        flip(gate, "ops", 10)
        assert [entry.act for entry in book.audit()][:2] == ["ban", "invite"]
        assert kinds(book) == (2, bound)


def test_a_key_is_enrolled_by_its_account_for_its_account(gate: Accounts, book: Administration) -> None:
    invite = book.invite(room="ops")
    zoe = enter(gate, "zoe", invite=invite.secret)
    assert isinstance(zoe, Person)
    entry = book.audit()[-1]
    assert (entry.by, entry.act, entry.room, entry.target) == ("zoe", "enroll", "ops", "zoe")
    assert entry.reason == f"key {zoe.key_id}, invite {invite.id}"
