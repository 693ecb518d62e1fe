"""Two servers over one file: what is done at one of them concerns people at the other."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts
from chatcore.gate import Act
from tests.accounts.people import PEER, Watch, act, gate_over, person


@pytest.fixture
def other(path: Path, stack: ExitStack) -> tuple[Accounts, Watch]:
    """A second gate over the file, and its hub."""
    watch = Watch()
    return stack.enter_context(closing(gate_over(path, watch))), watch


@pytest.mark.parametrize(("what", "room"), [("ban", None), ("ban", "lobby"), ("mute", "lobby")])
def test_a_ban_and_a_mute_are_in_force_at_both_after_a_look(
    path: Path, stack: ExitStack, other: tuple[Accounts, Watch], what: Act, room: str | None
) -> None:
    gate = stack.enter_context(closing(gate_over(path)))
    there, watch = other
    ada = person(there, "ada")
    assert act(gate, "mona", what, room, "ada") is None
    assert watch.was_revised()
    out, kept_out = there.may_stay(ada, PEER), there.may_join(ada, "lobby")
    assert [out is not None, kept_out is not None, there.is_muted(ada, "lobby")] == [
        (what, room) == ("ban", None),
        (what, room) == ("ban", "lobby"),
        what == "mute",
    ]


def test_a_kick_from_a_private_room_is_in_force_at_both(
    path: Path, stack: ExitStack, other: tuple[Accounts, Watch]
) -> None:
    gate = stack.enter_context(closing(gate_over(path)))
    there, watch = other
    assert act(gate, "mona", "close", "ops", present=frozenset({"ada"})) is None
    assert watch.was_revised()
    ada = person(there, "ada")
    assert there.may_join(ada, "ops") is None
    assert act(gate, "mona", "kick", "ops", "ada") is None
    assert watch.was_revised()
    assert there.may_join(ada, "ops") is not None


def test_a_kick_from_a_public_room_is_for_the_server_that_was_asked(
    path: Path, stack: ExitStack, other: tuple[Accounts, Watch]
) -> None:
    here = Watch()
    gate = stack.enter_context(closing(gate_over(path, here)))
    _, watch = other
    assert act(gate, "mona", "kick", "lobby", "ada") is None
    assert act(gate, "mona", "mute", None, "ada") is None  # which comes after it
    assert watch.was_revised()
    assert (here.expelled, watch.expelled) == ([("ada", "lobby")], [])
