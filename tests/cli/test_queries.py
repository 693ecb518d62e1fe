"""What a person looks for, as they type it."""

from datetime import datetime

import pytest

from chatcore import UsageError
from cli.queries import Wanted, parse_wanted


def local(text: str) -> datetime:
    """Return a time of here."""
    return datetime.fromisoformat(text).astimezone()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("disk full", Wanted("disk full")),
        ('"disk  full" deploy*', Wanted('"disk  full" deploy*')),
        ("from:ada", Wanted(nick="ada")),
        ("FROM:Ada disk in:ops", Wanted("disk", "Ada", "ops")),
        ('"from:ada in:ops" x', Wanted('"from:ada in:ops" x')),
        ('x "in:ops', Wanted('x "in:ops')),
        ("from: x", Wanted("from: x")),
        ("a:b x-from:y", Wanted("a:b x-from:y")),
        (
            "x after:2026-11-23 before:2026-11-24T14:30",
            Wanted("x", None, None, local("2026-11-23"), local("2026-11-24T14:30")),
        ),
    ],
)
def test_fields_are_taken_out_of_what_is_typed(text: str, wanted: Wanted) -> None:
    assert parse_wanted(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "  ", "in:ops", "From:", "from: in:", "x after:lunch", "x before:2026-99-01"]
)
def test_what_cannot_be_asked_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError, match=r"say what to look for|takes a time such as"):
        parse_wanted(text)
