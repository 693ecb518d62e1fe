"""Times as a person types them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cli.terminal.times import parse_time

NOW = datetime(2026, 11, 23, 14, 30, 20, tzinfo=UTC)
EAST = timezone(timedelta(hours=9))  # where it is 23:30


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("14:30", datetime(2026, 11, 23, 14, 30, tzinfo=UTC)),
        ("9:05", datetime(2026, 11, 23, 9, 5, tzinfo=UTC)),
        ("14:31", datetime(2026, 11, 22, 14, 31, tzinfo=UTC)),
        ("2026-11-20 08:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20  8:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20T08:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2027-01-01 00:00", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_day_is_the_last_one(typed: str, meant: datetime) -> None:
    assert parse_time(typed, NOW, UTC) == meant


def test_a_time_is_one_of_the_zone() -> None:
    assert parse_time("23:00", NOW, EAST) == datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert parse_time("23:45", NOW, EAST) == datetime(2026, 11, 22, 14, 45, tzinfo=UTC)
    assert parse_time("2026-11-23 00:00", NOW, EAST) == datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_without_a_zone_it_is_the_local_one() -> None:
    local = datetime(2026, 7, 1, 12, 0).astimezone()  # that is what local means
    assert parse_time("2026-07-01 12:00", NOW) == local


@pytest.mark.parametrize("typed", ["", "24:00", "14:60", "14", "2026-02-30", "2026-13-01 10:00", "noon"])
def test_there_is_no_such_time(typed: str) -> None:
    assert parse_time(typed, NOW, UTC) is None


def test_a_time_before_every_calendar_is_none_or_a_time() -> None:
    assert parse_time("0001-01-01 00:00", NOW, UTC) == datetime(1, 1, 1, tzinfo=UTC)
    local = parse_time("0001-01-01 00:00", NOW)
    assert local is None or local.utcoffset() is not None
