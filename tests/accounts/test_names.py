"""Names: whose a nick is, and what an account can be called."""

from itertools import permutations

import pytest

from chatcore import UsageError
from chatcore.accounts import Accounts, Administration, owns
from chatcore.gate import ANYBODY, Person, Refusal
from tests.accounts.people import Watch, enter, key_of


def names_of(book: Administration, *names: str) -> list[str]:
    """Try to make accounts one after the other; return the names of those that were made."""
    made = []
    for name in names:
        try:
            book.add(name)
        except UsageError:
            continue
        made.append(name)
    return made


@pytest.mark.parametrize("nick", ["ada", "Ada", "ADA", "ada-", "ada-phone", "ADA-ci-2", "ada--x"])
def test_an_account_owns_its_name_and_what_follows_a_dash(gate: Accounts, nick: str) -> None:
    ada, bob = enter(gate, "ada"), enter(gate, "bob")
    assert isinstance(ada, Person)
    assert isinstance(bob, Person)
    assert owns("Ada", nick)
    assert gate.may_call(ada, nick)
    assert not gate.may_call(bob, nick)
    assert not gate.may_call(ANYBODY, nick)


@pytest.mark.parametrize("nick", ["ad", "adam", "a-da", "ada_phone", "ada.phone", "x-ada", "-ada"])
def test_an_account_owns_no_other_nick(gate: Accounts, nick: str) -> None:
    ada = enter(gate, "ada")
    assert isinstance(ada, Person)
    assert not owns("ada", nick)
    assert not gate.may_call(ada, nick)


@pytest.mark.parametrize("second", ["Eve", "EVE", "eve-", "eve-x", "eve-x-y"])
def test_names_that_share_a_nick_are_not_both_given_out(book: Administration, second: str) -> None:
    assert names_of(book, "eve", second) == ["eve"]


@pytest.mark.parametrize("first", ["eve-", "eve-x", "Eve-X-y"])
def test_a_name_that_another_begins_with_is_not_given_out(book: Administration, first: str) -> None:
    assert names_of(book, first, "eve") == [first]


def test_an_underscore_is_a_letter(book: Administration) -> None:
    for order in permutations(("e_e", "eve", "e.e", "ev", "evel")):
        made = names_of(book, *order)
        assert made in ([], list(order))  # all of them the first time


def test_every_nick_has_one_owner_at_most(book: Administration) -> None:
    parts = ["e", "e-", "e-e", "e-e-", "e_e", "e-e-e", "ee", "ee-e", "-", "--", "-e"]
    made = names_of(book, *parts)
    assert all(sum(owns(name, f"{part}x") for name in made) <= 1 for part in parts)
    assert made == ["e", "e_e", "ee", "-", "-e"]


@pytest.mark.parametrize("name", ["root", "Admin", "SYSTEM", "1", "7024", "192.0.2.1"])
def test_nobody_is_called_what_means_something_else(gate: Accounts, book: Administration, name: str) -> None:
    with pytest.raises(UsageError, match="nobody can be called"):
        book.add(name)
    answer = enter(gate, name, invite=book.invite().secret)
    assert isinstance(answer, Refusal)
    assert answer.code == "bad_name"
    assert len(book.invites()) == 1


@pytest.mark.parametrize("name", ["", "a b", "é", "a" * 33, "a\n", "a/b", "a\x1b[2J"])
def test_a_name_is_a_nick(book: Administration, name: str) -> None:
    with pytest.raises(UsageError, match="a nick is"):
        book.add(name)


@pytest.mark.parametrize("nick", ["ada", "ADA-x", "ad", "b"])
def test_a_name_that_is_taken_costs_no_invite(gate: Accounts, book: Administration, nick: str) -> None:
    book.add("b-x")
    answer = enter(gate, nick, key_of("new"), book.invite().secret)
    if nick == "ad":
        assert isinstance(answer, Person)
    else:
        assert isinstance(answer, Refusal)
        assert answer.code == "nick_taken"
        assert len(book.invites()) == 1


def test_a_name_is_never_given_out_again(gate: Accounts, book: Administration, watch: Watch) -> None:
    ada, bob = enter(gate, "ada"), enter(gate, "bob")
    assert isinstance(ada, Person)
    assert isinstance(bob, Person)
    book.remove("ada")
    assert watch.was_revised()
    assert names_of(book, "ada", "Ada", "ada-x") == []
    assert not gate.may_call(bob, "ada")
    assert not gate.may_call(ANYBODY, "ada-phone")
    refusal = enter(gate, "ada-x", key_of("new"), book.invite().secret)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "nick_taken"
