"""The start of a text."""

import pytest

from cli.terminal.excerpt import LOOKED_AT, MOST, excerpt


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        (" two\n\n lines\t", "two lines"),
        ("x" * MOST, "x" * MOST),
        ("x" * (MOST + 1), "x" * MOST + "..."),
        ("a" + " " * LOOKED_AT + "b", "a..."),
    ],
)
def test_it_is_one_row_and_says_when_there_is_more(text: str, shown: str) -> None:
    assert excerpt(text) == shown
