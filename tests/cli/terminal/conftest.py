"""Fixtures for tests of the terminal."""

import pytest

from chatcore import Joined
from cli.terminal.rooms import Rooms

__all__ = ["rooms"]


@pytest.fixture
def rooms() -> Rooms:
    """Return two rooms, one that was left, and three nicks in the current one."""
    rooms = Rooms()
    for name in ("lobby", "ops", "old"):
        rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
    rooms.leave("old")
    rooms.current = rooms.get("lobby")
    assert rooms.current is not None
    for nick in ("alice", "Bob.2", "bo"):
        rooms.current.nicks.note_speaker(nick)
    return rooms
