"""How often somebody may change something."""

from contextlib import closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts, Administration
from chatcore.accounts.moderation import MOST_ROOMS
from chatcore.accounts.pace import BURST, GAP, Pace
from chatcore.accounts.redemption import MOST_KEYS
from chatcore.accounts.statements import AccountsFile
from chatcore.gate import Moderation, Person, Refusal
from tests.accounts.people import Clock, act, ask, enter, key_of, person


def test_an_account_has_a_burst_and_then_its_pace() -> None:
    pace = Pace()
    assert [pace.take("ada", 0.0) for _ in range(BURST)] == [0.0] * BURST
    assert pace.take("ada", 0.0) == GAP
    assert pace.take("bob", 0.0) == 0.0
    assert pace.take("ada", GAP / 2) == GAP / 2
    assert [pace.take("ada", GAP) for _ in range(2)] == [0.0, GAP]
    assert [pace.take("ada", 1_000.0) for _ in range(BURST + 1)] == [*[0.0] * BURST, GAP]


def test_those_who_may_ask_for_all_again_are_forgotten() -> None:
    pace = Pace()
    for number in range(3_000):
        pace.take(f"member{number}", float(number))
    assert len(pace._paid_at) < 1_100


def test_whoever_acts_too_often_is_told_to_wait_and_nothing_is_written(
    gate: Accounts, book: Administration
) -> None:
    ada = enter(gate, "ada")
    assert isinstance(ada, Person)
    answers = [ask(gate.moderate, ada, Moderation("lift", nick="bob")) for _ in range(BURST)]
    assert not any(isinstance(answer, Refusal) and answer.code == "rate_limited" for answer in answers)
    written = len(book.audit())
    for refused in (ask(gate.moderate, ada, Moderation("lift", nick="bob")), ask(gate.invite_device, ada)):
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.retry_after is not None) == ("rate_limited", True)
    assert len(book.audit()) == written


def test_an_account_has_a_limited_number_of_keys(gate: Accounts, book: Administration, clock: Clock) -> None:
    secret = book.invite(name="ada", uses=100).secret
    for number in range(MOST_KEYS - 1):
        assert isinstance(enter(gate, "ada", key_of("ada", f"{number}"), secret), Person)
    refused = enter(gate, "ada", key_of("ada", "more"), secret)
    assert isinstance(refused, Refusal)
    assert refused.code == "limit_exceeded"
    book.revoke("ada", book.keys("ada")[-1].id)
    clock.time += 1.0
    assert isinstance(enter(gate, "ada", key_of("ada", "more"), secret), Person)


def test_a_member_keeps_a_limited_number_of_rooms(
    path: Path, gate: Accounts, book: Administration, clock: Clock
) -> None:
    with closing(AccountsFile(path)) as file, file.transaction():
        for number in range(MOST_ROOMS - 1):
            file.close_room(f"room{number}", "ada")
    book.set_role("bob", "member")  # so that the server reads it
    assert act(gate, "ada", "close", "last", present=frozenset({"ada"})) is None
    assert act(gate, "ada", "close", "last", present=frozenset({"ada"})) is None
    assert act(gate, "ada", "close", "more", present=frozenset({"ada"})) == "limit_exceeded"
    assert act(gate, "bob", "close", "more", present=frozenset({"bob"})) is None
    assert act(gate, "ada", "open", "room0") is None
    assert act(gate, "ada", "close", "another", present=frozenset({"ada"})) is None
    assert book.audit()[-1].room == "another"


@pytest.mark.parametrize(("name", "code"), [("mona", None), ("bob", "forbidden")])
def test_only_a_moderator_closes_the_lobby(path: Path, gate: Accounts, name: str, code: str | None) -> None:
    person = enter(gate, name)
    assert isinstance(person, Person)
    answer = ask(gate.moderate, person, Moderation("close", "lobby", present=frozenset({"ada", "bob"})))
    assert (answer.code if isinstance(answer, Refusal) else None) == code


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0])
def test_nobody_waits_longer_or_acts_more_often_because_the_clock_was_set(
    gate: Accounts, clock: Clock, steady: Clock, jump: float
) -> None:
    ada = person(gate, "ada")
    lift = Moderation("lift", nick="bob")
    for _ in range(BURST):
        ask(gate.moderate, ada, lift)
    clock.time += jump
    refused = ask(gate.moderate, ada, lift)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.retry_after) == ("rate_limited", GAP)
    steady.time += GAP
    assert ask(gate.moderate, ada, lift).code != "rate_limited"
