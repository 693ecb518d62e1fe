"""Joins, leaves and new names as one line."""

import pytest

from chatcore import Presence, Renamed
from cli.terminal.presence import MOST_COLLECTED, PresenceDigest


def presence(
    joined: tuple[str, ...] = (), left: tuple[str, ...] = (), renamed: tuple[tuple[str, str], ...] = ()
) -> Presence:
    pairs = tuple(Renamed(old=old, new=new) for old, new in renamed)
    return Presence(room="lobby", joined=joined, left=left, renamed=pairs, count=3)


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([presence(("bob",)), presence(left=("Bob",))], ""),
        ([presence(left=("bob",)), presence(("bob",))], ""),
        ([presence(("bob",)), presence(("carol",))], "bob and carol joined (3 here)"),
        ([presence(("bob",)), presence(renamed=(("bob", "rob"),))], "rob joined (3 here)"),
        ([presence(renamed=(("a", "b"),)), presence(renamed=(("b", "c"),))], "a is now c (3 here)"),
        ([presence(renamed=(("a", "b"),)), presence(renamed=(("b", "a"),))], ""),
        ([presence(("me",)), presence(renamed=(("i", "Me"),))], ""),
    ],
)
def test_a_digest_is_the_net_of_joins_and_leaves(events: list[Presence], line: str) -> None:
    digest = PresenceDigest()
    for event in events:
        digest.add(event, "me", 0.0)
    assert digest.take() == line
    assert digest.take() == ""


def test_many_joins_are_a_few_names_and_a_number() -> None:
    digest = PresenceDigest()
    for number in range(100):
        digest.add(presence(tuple(f"n{number}.{each}" for each in range(100))), "me", 0.0)
    assert len(digest._joined) == MOST_COLLECTED
    assert digest.take().endswith("and 992 more joined, others joined, left or changed their names (3 here)")
