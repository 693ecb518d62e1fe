"""People on several hubs that share a directory, by seeds; and whether planted faults are found."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest

from chatcore.server.mirror import Mirror
from chatcore.server.room import Room
from chatcore.server.shared_directory import SharedDirectory
from tests.server.shared.storm import Storm

pytestmark = pytest.mark.logs("roster.cut_off", "roster.back")

SEEDS = 25
PLANTED_SEEDS = 120

SEEN = {
    "a connection to the log lost",
    "a kill",
    "a list of members",
    "a nick",
    "a welcome",
    "closed: taken_over",
    "refused: nick_taken",
    "refused: unavailable",
}


def test_everybody_sees_the_same_people_and_nothing_is_left() -> None:
    seen = Counter[str]()
    for seed in range(SEEDS):
        try:
            seen += Storm(seed).run()
        except Exception as error:
            error.add_note(f"seed={seed}")
            raise
    assert seen.keys() >= SEEN


def lost_unheard() -> AbstractContextManager[Any]:
    """A session that has lost its seat is not ended."""
    return mock.patch.object(SharedDirectory, "roster_lost")


def left_unsaid() -> AbstractContextManager[Any]:
    """Nobody says who has left a room."""
    return mock.patch.object(SharedDirectory, "leave")


def never_vacated() -> AbstractContextManager[Any]:
    """A seat that is left stays with its server."""
    return mock.patch.object(SharedDirectory, "vacate", return_value=None)


def renamed_unheard() -> AbstractContextManager[Any]:
    """Nobody is told of a rename."""
    return mock.patch.object(Mirror, "rename")


def unmirrored() -> AbstractContextManager[Any]:
    """Rooms do not show who comes and goes elsewhere."""
    return mock.patch.object(Room, "show")


PLANTS = (lost_unheard, left_unsaid, never_vacated, renamed_unheard, unmirrored)


def is_found(seed: int) -> bool:
    try:
        Storm(seed).run()
    except (AssertionError, LookupError):
        return True
    return False


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Callable[[], AbstractContextManager[Any]]) -> None:
    with plant():
        assert any(map(is_found, range(PLANTED_SEEDS)))
