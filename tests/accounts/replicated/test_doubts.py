"""What strangers and members ask for in vain makes no log longer, and what is new to a server still works."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.replicated.machine import Applied
from chatcore.accounts.tokens import digest, id_of
from chatcore.gate import Person, Refusal
from chatcore.replication.outbox import GIVE_UP
from tests.accounts.replicated.servers import invite, redeem
from tests.accounts.replicated.test_replica import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def moderate(person: str, what: str, nick: str | None = None, room: str | None = None) -> dict[str, Any]:
    """Return an act of somebody whose key is that of `redeem`."""
    fields: dict[str, Any] = {"room": room, "nick": nick, "seconds": None, "reason": None, "present": []}
    member = [person, id_of(digest(f"key of {person}"))]
    return {"act": "moderate", "person": member, "what": what, **fields}


def with_people(world: World, **roles: str) -> None:
    """Make accounts, each with a key."""
    for name, role in roles.items():
        world.do(world.one, {"act": "add", "by": "local:root", "name": name, "role": role})
        world.do(world.one, invite(f"of {name}") | {"name": name})
        world.do(world.one, redeem(name, f"of {name}"))


def asked(world: World, content: dict[str, Any], steps: int = 3) -> list[Applied | None]:
    """Ask the first server for something, and let it do what it can while nothing arrives in the log."""
    answers: list[Applied | None] = []
    world.one.ask(content, answers)
    for _ in range(steps):
        world.one.step()
    return answers


def result(answers: list[Applied | None]) -> Any:
    """Return what the only answer says."""
    (answer,) = answers
    assert answer is not None
    return answer.result


# --- nothing is appended -------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["made-up", "used up", "withdrawn"])
def test_an_invite_that_nobody_can_use_is_refused_without_an_entry(world: World, what: str) -> None:
    if what != "made-up":
        world.do(world.two, invite("one"))
    if what == "used up":
        world.do(world.two, redeem("zoe", "one"))
    elif what == "withdrawn":
        world.do(world.two, {"act": "withdraw", "by": "local:root", "id": id_of(digest("one"))})
    last = world.log.last
    for number in range(20):
        assert result(asked(world, redeem(f"zac{number}", "one"))) is UNAUTHORIZED
    assert world.one.replica.is_idle
    assert (world.log.last, world.log.on_its_way) == (last, [])


def test_an_invite_that_has_ended_costs_an_entry_at_most(world: World) -> None:
    world.do(world.one, invite("one") | {"seconds": 5})
    world.clock.time += 60.0
    before = world.log.last
    for _ in range(5):
        done = world.do(world.one, redeem("zoe", "one"))
        assert done is not None
        assert done.result is UNAUTHORIZED
    assert world.log.last <= before + 1


def test_whoever_is_known_brings_an_invite_that_does_nothing_without_an_entry(world: World) -> None:
    world.do(world.one, invite("one"))
    world.do(world.one, redeem("zoe", "one"))
    last = world.log.last
    assert isinstance(result(asked(world, redeem("zoe", "one"))), Person)
    assert isinstance(result(asked(world, redeem("zoe", "made-up"))), Person)
    assert (world.log.last, world.log.on_its_way) == (last, [])


def test_what_a_member_may_not_do_is_refused_without_an_entry(world: World) -> None:
    with_people(world, olga="owner", ada="member")
    last = world.log.last
    for _ in range(20):
        refusal = result(asked(world, moderate("ada", "ban", "olga")))
        assert isinstance(refusal, Refusal)
        assert refusal.code == "forbidden"
    assert (world.log.last, world.log.on_its_way) == (last, [])
    assert world.do(world.one, moderate("olga", "ban", "ada")) is not None
    assert world.log.last == last + 1


# --- what is new to a server works ---------------------------------------------------------------


def test_an_invite_that_was_made_at_another_server_works_at_one_that_has_not_read_it(world: World) -> None:
    answers: list[Applied | None] = []
    world.two.ask(invite("one"), answers)
    while not answers:  # the first one reads nothing
        world.two.step()
        while world.log.on_its_way:
            world.log.take()
    refused = asked(world, redeem("zac", "one"), steps=0)
    world.one.replica.step()
    world.one.replica.step()
    assert refused == []
    world.settle()
    assert isinstance(result(refused), Person)


def test_a_role_that_is_on_its_way_counts(world: World) -> None:
    with_people(world, olga="owner", ada="member", bob="member")
    answers: list[Applied | None] = []
    world.two.ask({"act": "role", "by": "local:root", "name": "ada", "role": "moderator"}, answers)
    while not answers:
        world.two.step()
        while world.log.on_its_way:
            world.log.take()
    banned = asked(world, moderate("ada", "ban", "bob"), steps=0)
    world.one.replica.step()
    world.one.replica.step()
    assert banned == []
    world.settle()
    assert result(banned) is not UNAUTHORIZED
    assert not isinstance(result(banned), Refusal)


def test_what_somebody_asks_for_together_is_done_in_its_order(world: World) -> None:
    with_people(world, olga="owner", ada="member", bob="member")
    last, answers = world.log.last, list[Applied | None]()
    acts = [("close", None, "den"), ("admit", "bob", "den"), ("close", None, "ops")]
    for what, nick, room in acts:
        world.one.ask(moderate("ada", what, nick, room) | {"present": ["ada"]}, answers)
    for _ in range(4):
        world.one.step()  # nothing has arrived in the log
    assert answers == []
    world.settle()
    assert not any(answer is None or isinstance(answer.result, Refusal) for answer in answers)
    entries = [json.loads(entry.data) for entry in world.log.entries[last:]]
    assert [(each["what"], each["nick"], each["room"]) for each in entries] == acts


# --- a log that cannot be asked ------------------------------------------------------------------


def test_without_a_connection_it_is_unavailable_and_not_wrong(world: World) -> None:
    world.do(world.one, invite("one"))
    world.one.connection.cut()
    assert asked(world, redeem("zoe", "made-up")) == [None]
    assert world.one.replica.is_idle


def test_a_log_that_does_not_answer_is_waited_for_as_long_as_for_any_entry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.do(world.one, invite("one"))
    monkeypatch.setattr(world.one.connection, "ask_last", lambda deliver: None)
    answers = asked(world, redeem("zoe", "made-up"))
    assert answers == []
    world.pass_time(GIVE_UP - 0.1)
    assert answers == []
    world.pass_time(0.2)
    assert answers == [None]
    assert world.one.replica.is_idle


def test_all_who_ask_meanwhile_are_one_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.do(world.one, invite("one"))
    questions: list[Any] = []
    monkeypatch.setattr(world.one.connection, "ask_last", questions.append)
    answers: list[Applied | None] = []
    for number in range(9):
        world.one.ask(redeem(f"zoe{number}", "made-up"), answers)
        world.one.step()
    assert len(questions) == 1
    questions.pop()(world.log.last)
    world.one.step()
    assert len(answers) == 1
    questions.pop()(world.log.last)
    world.one.step()
    assert len(answers) == 9
    assert questions == []


def test_an_end_refuses_what_is_in_doubt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.one.connection, "ask_last", lambda deliver: None)
    answers = asked(world, redeem("zoe", "made-up"))
    world.one.replica.end()
    assert answers == [None]
