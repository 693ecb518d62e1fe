"""Who has which nick, and the first variant that is free: against counting up, and what it costs."""

import sys
from collections.abc import Callable
from random import Random

import pytest

from chatcore.names import NICK_CHARS, fold
from chatcore.nicks import Nicks

SEEDS = 40
LONG = "Long-nick-of-thirty-two-letters."


class Person:
    """Somebody with any number of nicks."""

    def __init__(self) -> None:
        self.nicks: set[str] = set()

    def nicks_folded(self) -> set[str]:
        return self.nicks

    def take(self, nicks: Nicks["Person"], nick: str) -> None:
        self.nicks.add(fold(nick))
        nicks[fold(nick)] = self

    def leave(self, nicks: Nicks["Person"], nick: str) -> None:
        self.nicks.discard(nick)
        del nicks[nick]


def counted_up(nicks: Nicks[Person], nick: str, holder: Person | None) -> str:
    """Return the first variant that is free, by trying each."""
    variant, number = nick, 1
    while nicks.get(fold(variant), holder) is not holder:
        number += 1
        suffix = f"-{number}"
        variant = nick[: NICK_CHARS - len(suffix)] + suffix
    return variant


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_variant_is_the_one_that_counting_up_finds(seed: int) -> None:
    random = Random(seed)
    nicks = Nicks[Person]()
    people = [Person() for _ in range(4)]
    assert len(LONG) == NICK_CHARS
    bases = ["ada", "Ada-2", "a-", "-", "-7", "4711", "ada-07", LONG, LONG[:-1], LONG[:-2], LONG[:-3].lower()]
    bases = random.sample(bases, 4)
    growing = random.choice([0.6, 0.8])
    for _ in range(400):
        person, base = random.choice(people), random.choice(bases)
        holder = random.choice([None, person, person])
        found = nicks.free_variant(base, holder)
        assert found == counted_up(nicks, base, holder)
        assert nicks.is_free(found, holder)
        if random.random() < growing:
            number = random.choice(["", f"-{random.randint(0, 130)}", "-01", "-99999999"])
            nick = random.choice([found, found, f"{base[: NICK_CHARS - len(number)]}{number}"])
            if nicks.is_free(nick, person):
                person.take(nicks, nick)
        elif nicks:
            nick = random.choice(sorted(nicks))
            nicks[nick].leave(nicks, nick)
    for nick in list(nicks):
        nicks[nick].leave(nicks, nick)
    assert (len(nicks), nicks._numbers) == (0, {})


def test_numbers_of_a_long_nick_grow_by_a_digit() -> None:
    nicks, person = Nicks[Person](), Person()
    found = []
    for _ in range(101):
        found.append(nicks.free_variant(LONG))
        person.take(nicks, found[-1])
    assert found[:2] == [LONG, f"{LONG[:-2]}-2"]
    assert found[8:10] == [f"{LONG[:-2]}-9", f"{LONG[:-3]}-10"]
    assert found[98:] == [f"{LONG[:-3]}-99", f"{LONG[:-4]}-100", f"{LONG[:-4]}-101"]


@pytest.mark.parametrize("digit", ["\u00b2", "\u0663", "\u1369", "\U00010a40"])
def test_digits_of_other_scripts_make_no_variants(digit: str) -> None:
    nicks, person = Nicks[Person](), Person()
    for nick in ("ada", f"ada-{digit}"):
        person.take(nicks, nick)
    assert nicks.free_variant("ada") == "ada-2"
    person.leave(nicks, f"ada-{digit}")
    assert list(nicks) == ["ada"]


def calls(action: Callable[[], object]) -> int:
    """Return how many calls something makes."""
    made = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return made


def test_a_variant_is_found_quickly_where_very_many_are_taken() -> None:
    nicks, person = Nicks[Person](), Person()
    for number in range(2, 10_000):
        person.take(nicks, f"ada-{number}")
    other = Person()
    other.take(nicks, "ada")
    cost = calls(lambda: nicks.free_variant("ada"))
    assert nicks.free_variant("ada") == "ada-10000"
    assert 10 < cost < 200
    person.leave(nicks, "ada-7000")
    assert calls(lambda: nicks.free_variant("ada", other)) < 200
    assert nicks.free_variant("ada") == "ada-7000"
