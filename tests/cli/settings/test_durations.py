"""Times on the command line, as they are typed and printed."""

import pytest

from chatcore import UsageError
from cli.settings.durations import duration, duration_text, duration_words


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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.0, "1 second"),
        (90.0, "90 seconds"),
        (600.0, "10 minutes"),
        (86_400.0, "1 day"),
        (1_209_600.0, "2 weeks"),
        (0.0, "0 seconds"),
        (1_234_567_891.0, "1,234,567,891 seconds"),
    ],
)
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize("text", ["", "0s", "01h", "1", "1.5h", "-1m", "1y", "1h30m", "٣s", "9999999999s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 90s, 15m, 1h or 7d"):
        duration(text)
