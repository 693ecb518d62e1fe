"""Times in a room never decrease, also over restarts of a SQLite journal."""

from pathlib import Path

import pytest

from chatcore.journal import Draft
from chatcore.journal.sqlite import check_journal
from chatcore.limits import HistoryLimits
from tests.journal.sqlite.files import open_journal
from tests.server.driver import Clock

NOW = 1_700_000_000.0
HOUR = 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def test_times_do_not_decrease_when_the_clock_goes_back_before_a_restart(path: Path) -> None:
    with open_journal(path, Clock(NOW)) as harness:
        harness.post("one")
        first = harness.messages[-1].at
    with open_journal(path, Clock(NOW - HOUR)) as harness:
        harness.submit(Draft("lobby", "new", "ana", "two"))
        assert harness.messages[-1].at == first


@pytest.mark.parametrize("removed", [False, True])
def test_times_do_not_decrease_after_all_messages_are_gone(path: Path, removed: bool) -> None:
    clock, limits = Clock(NOW), HistoryLimits(history_seconds=60.0)
    with open_journal(path, clock, limits=limits, retention=0.0) as harness:
        harness.post("one")
        first = harness.messages[-1].at
        if removed:
            harness.remove()
        else:
            clock.now += 61.0
            harness.post("elsewhere", room="b")
            harness.submit()
        assert harness.read().messages == ()
    with open_journal(path, Clock(NOW - HOUR)) as harness:
        harness.submit(Draft("lobby", "new", "ana", "two"))
        assert harness.messages[-1].at == first
        assert harness.rooms().rooms[-1] == ("lobby", 2, first)


def test_a_check_names_the_rooms_whose_last_time_lies_ahead(path: Path) -> None:
    with open_journal(path, Clock(4_102_444_800.0)) as harness:
        harness.post("in 2100")
        harness.clock.now = NOW
        harness.post("now", room="b")
    report = check_journal(path)
    assert report.problems == []
    assert report.ahead == ["lobby: the last message is of 2100-01-01 00:00:00 UTC"]
