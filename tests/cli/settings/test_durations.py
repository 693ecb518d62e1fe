"""Times on the command line, as they are typed and printed."""

import pytest

from chatcore import UsageError
from cli.settings.durations import duration, duration_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("15m", 900.0), ("1h", 3_600.0), ("3d", 259_200.0), ("1w", 604_800.0)],
)
def test_a_time_is_read_and_written_in_the_largest_unit_that_fits(text: str, seconds: float) -> None:
    assert duration(f" {text} ") == seconds
    assert duration_text(seconds) == text


def test_what_fits_no_unit_is_written_in_seconds() -> None:
    assert duration_text(604_801.0) == "604801s"
    assert duration_text(0.5) == "0.5s"


@pytest.mark.parametrize("text", ["", "0s", "1", "1.5h", "-1m", "1y", "1h30m", "٣s", "9999999999s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 90s, 15m, 1h or 7d"):
        duration(text)
