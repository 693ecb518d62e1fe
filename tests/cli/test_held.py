"""What is said while a server holds a pipe back, on a terminal and elsewhere."""

import pytest

from cli import row as rows
from cli.held import LINE_SECONDS, ROW_SECONDS, Held
from cli.row import Row
from cli.stdin import Left


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of a test."""
    return Clock()


def left() -> Left:
    return Left(1_234, all=False)


def test_it_is_said_after_a_second_and_not_for_each_line(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    held = Held(Row(), left, clock)
    held.note(0.99, 7)
    assert capsys.readouterr().err == ""
    held.note(1.0, 7)
    waiting = (
        "the server holds us back: 7 messages have no answer yet, at least 1,234 bytes of input are left"
    )
    assert capsys.readouterr().err == f"chat: {waiting}\n"
    clock.now += LINE_SECONDS - 0.1
    held.note(6.0, 7)
    assert capsys.readouterr().err == ""
    clock.now += 0.1
    held.note(6.1, 1)
    assert "1 message has no answer yet" in capsys.readouterr().err


def test_the_end_of_it_is_said_once(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    held = Held(Row(), lambda: Left(0, all=True), clock)
    held.note(0.1, 7)
    held.end()
    assert capsys.readouterr().err == ""
    held.note(2.0, 7)
    held.note(0.9, 7)  # this is no end yet, or it would be said again and again
    assert capsys.readouterr().err.endswith("7 messages have no answer yet, all input is read\n")
    held.note(0.4, 7)
    held.end()
    assert capsys.readouterr().err == "chat: the server no longer holds us back\n"


def test_on_a_terminal_it_is_one_row_that_goes_away(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "columns_of", lambda _stream: 40)
    row = Row()
    row.exists = True
    held = Held(row, left, clock)
    held.note(1.0, 7)
    first = "chat: the server holds us back: 7 messa"
    assert capsys.readouterr().err == f"\r{first}"
    clock.now += ROW_SECONDS
    held.note(1.0, 12)
    second = "chat: the server holds us back: 12 mess"
    assert capsys.readouterr().err == f"\r{second}"
    with row.hidden():
        assert capsys.readouterr().err == f"\r{' ' * 39}\r"
    assert capsys.readouterr().err == f"\r{second}"
    held.end()
    assert capsys.readouterr().err == f"\r{' ' * 39}\rchat: the server no longer holds us back\n"


def test_without_a_terminal_a_row_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row()
    row.show("hello")
    with row.hidden():
        row.erase()
    assert capsys.readouterr().err == ""
