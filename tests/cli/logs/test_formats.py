"""A record as a line, of text and of JSON: whatever somebody chose does nothing to whoever reads it."""

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.logs import MOST_TEXT, event, inert
from cli.logs.formats import JsonFormat, TextFormat, is_journal

HOSTILE = {
    "a new line": "ada\n2026-11-27 10:00:00,000 warning chat.door: 12 refused from 192.0.2.1",
    "a return": "ada\rroot",
    "a terminal's command": "\x1b]0;title\x07\x1b[2J\x9b31m",
    "a change of direction": "ada\u202eadmin",
    "a line of Unicode's": "one\u2028two\u2029three\x85four",
    "half a character": "\ud800",
    "nothing": "\x00\u200b\ufeff\u00ad",
    "a tag": "\U000e0041",
}


@event("test.happened", "chat.test", logging.WARNING)
def happened(*, nick: str, count: int) -> str:
    return f"{nick} was here {count} times"


class Kept(logging.Filter):
    """Keeps records, and lets none through: a report of pytest cannot hold half a character."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record."""
        self.records.append(record)
        return False


@pytest.fixture
def kept() -> Iterator[Kept]:
    """What is logged by ``chat.test``."""
    kept, log = Kept(), logging.getLogger("chat.test")
    log.addFilter(kept)
    yield kept
    log.removeFilter(kept)


def both(record: logging.LogRecord, *, journal: bool = False) -> tuple[str, str]:
    """Return a record as text and as JSON."""
    return TextFormat(journal=journal).format(record), JsonFormat(journal=journal).format(record)


def test_text_has_a_time_a_level_a_logger_and_the_words(kept: Kept) -> None:
    happened.log(nick="ada", count=2)
    text, _ = both(kept.records[0])
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} warning chat\.test: ada was here 2 times", text
    )


def test_json_has_the_name_and_the_fields_too_and_its_time_is_of_rfc_3339_in_utc(kept: Kept) -> None:
    happened.log(nick="ada", count=2)
    record = kept.records[0]
    vars(record)["created"] = 1_700_000_000.25
    assert json.loads(both(record)[1]) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "chat.test",
        "event": "test.happened",
        "message": "ada was here 2 times",
        "nick": "ada",
        "count": 2,
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_somebody_chose_is_inert_in_every_format(kept: Kept, text: str) -> None:
    happened.log(nick=text, count=1)
    logging.getLogger("chat.test").warning("somebody else says %s", text)
    for record in kept.records:
        line, data = both(record)
        assert line.isprintable()
        assert data.isascii()
        assert data.isprintable()
        assert json.loads(data)["message"].isprintable()
        assert line.endswith(json.loads(data)["message"])
    assert json.loads(both(kept.records[0])[1])["nick"] == inert(text)


@given(st.text(), st.integers(1, 50))
def test_an_inert_text_is_printable_bounded_and_the_same_if_it_was_inert(text: str, most: int) -> None:
    shown = inert(text, most)
    assert shown.isprintable()
    assert len(shown) <= most * len(r"\U0010ffff")
    assert inert(shown) == shown
    if text.isprintable() and len(text) <= most:
        assert shown == text


def test_long_texts_are_cut(kept: Kept) -> None:
    happened.log(nick="n" * 100_000, count=1)
    line, data = both(kept.records[0])
    assert len(line) < MOST_TEXT + 100
    assert json.loads(data)["nick"] == "n" * (MOST_TEXT - 1) + "…"


class Unspeakable(Exception):
    """Raises an exception when it is made into text."""

    def __str__(self) -> str:
        raise ZeroDivisionError


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """Return an exception with its traceback."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_stack_trace_is_indented_and_what_was_said_is_quoted_in_it(kept: Kept, text: str) -> None:
    happened.log_bug(raised(ValueError(text), raised(KeyError("the cause"))), nick="ada", count=1)
    line, data = both(kept.records[0])
    first, *trace = line.split("\n")
    assert " error chat.test: ada was here" in first
    assert all(each.startswith("  ") and each.isprintable() for each in trace)
    assert trace[0] == "  Traceback (innermost call last):"
    assert f"  ValueError: {text!r}" in trace
    assert trace[-1] == "  KeyError: \"'the cause'\""
    assert "\n" not in data
    assert json.loads(data)["exception"].split("\n") == [each.removeprefix("  ") for each in trace]


def test_an_exception_that_cannot_be_put_in_words_and_a_deep_one_are_logged(kept: Kept) -> None:
    def fall(depth: int) -> None:
        if not depth:
            raise Unspeakable
        fall(depth - 1)

    try:
        fall(500)
    except Unspeakable as error:
        happened.log_bug(error, nick="ada", count=1)
    line, _ = both(kept.records[0])
    assert line.count("\n") < 100
    assert line.endswith("Unspeakable: '?'")


def test_a_chain_of_exceptions_without_an_end_has_one_in_the_log(kept: Kept) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    happened.log_bug(first, nick="ada", count=1)
    assert both(kept.records[0])[0].count("Traceback") == 1
    assert both(kept.records[0])[0].count("ValueError") == 5


def test_a_foreign_record_has_no_event_and_no_fields(kept: Kept) -> None:
    logging.getLogger("chat.test").warning("%d of %s", 3, "four")
    found = json.loads(both(kept.records[0])[1])
    assert (found["event"], found["message"]) == (None, "3 of four")
    assert set(found) == {"time", "level", "logger", "event", "message"}


@pytest.mark.parametrize(
    ("level", "priority"),
    [("DEBUG", 7), ("INFO", 6), ("WARNING", 4), ("ERROR", 3), ("CRITICAL", 2)],
)
def test_the_systems_journal_gets_a_priority_for_each_line_and_no_time(level: str, priority: int) -> None:
    number = logging.getLevelNamesMapping()[level]
    error = raised(ValueError("x"))
    trace: tuple[type[Exception], Exception, TracebackType | None] = ValueError, error, error.__traceback__
    record = logging.LogRecord("chat.test", number, "", 0, "words", (), trace)
    text, data = both(record, journal=True)
    first, *others = text.split("\n")
    assert first == f"<{priority}>chat.test: words"
    assert all(each.startswith(f"<{priority}>  ") for each in others)
    assert data.startswith(f'<{priority}>{{"time"')
    assert json.loads(data.removeprefix(f"<{priority}>"))["message"] == "words"


def test_a_stream_is_the_systems_journal_if_the_variable_names_its_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream, (tmp_path / "other").open("w") as other:
        found = os.fstat(stream.fileno())
        variables = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert is_journal(stream.fileno(), variables)
        assert not is_journal(other.fileno(), variables)
        assert not is_journal(stream.fileno(), {})
        assert not is_journal(stream.fileno(), {"JOURNAL_STREAM": "what?"})
        closed = stream.fileno()
    assert not is_journal(closed, variables)


def test_an_event_is_declared_once_and_no_field_hides_what_every_line_has() -> None:
    def words(*, message: str) -> str:
        return message

    for name in ("test.happened", "test.hides"):
        with pytest.raises(ValueError, match=name):
            event(name, "chat.test", logging.INFO)(words)


def test_an_event_below_the_level_costs_no_words(kept: Kept) -> None:
    asked: list[str] = []

    def words(*, nick: str) -> str:
        asked.append(nick)
        return nick

    quiet = event("test.quiet", "chat.test", logging.DEBUG)(words)
    logging.getLogger("chat.test").setLevel(logging.INFO)
    quiet.log(nick="ada")
    logging.getLogger("chat.test").setLevel(logging.NOTSET)
    assert (asked, kept.records) == ([], [])
