"""What was typed is there the next time, for nobody but its owner."""

import json
import stat
import sys
from pathlib import Path

import pytest

from cli.terminal.input_history import MOST, MOST_BYTES, InputHistory, default_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "typed.jsonl"


def fail(message: str) -> None:
    raise AssertionError(message)


def test_what_one_types_another_brings_back(file: Path) -> None:
    one, other = InputHistory(file, fail), InputHistory(file, fail)
    assert one.load() == []
    for recall, text in ((one, "first"), (other, "two\nlines \u2028 \U0001f600"), (one, "/join ops")):
        recall.add(text)
    assert InputHistory(file, fail).load() == ["first", "two\nlines \u2028 \U0001f600", "/join ops"]


def test_a_line_that_begins_with_a_space_is_not_kept(file: Path) -> None:
    recall = InputHistory(file, fail)
    recall.add(" my secret")
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps other rights")
def test_nobody_else_may_read_it(file: Path) -> None:
    recall = InputHistory(file, fail)
    recall.add("x" * (MOST_BYTES + 1))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    recall.add("x" * MOST_BYTES)
    recall.load()  # which tidies it
    assert file.stat().st_size < MOST_BYTES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_more_is_kept_than_so_much(file: Path) -> None:
    recall = InputHistory(file, fail)
    for number in range(2 * MOST + 1):
        recall.add(str(number))
    expected = [str(number) for number in range(MOST + 1, 2 * MOST + 1)]
    assert recall.load() == expected
    assert [json.loads(line) for line in file.read_text().splitlines()] == expected


def test_what_others_wrote_there_is_passed_over(file: Path) -> None:
    recall = InputHistory(file, fail)
    recall.add("mine")
    with file.open("ab") as stream:
        stream.write(b"\xff\n{}\nnot json\n\n")
    recall.add("mine too")
    assert recall.load() == ["mine", "mine too"]


def test_it_is_told_once_if_nothing_can_be_kept(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "state").write_text("a file where a directory should be")
    recall = InputHistory(tmp_path / "state" / "typed.jsonl", told.append)
    recall.add("one")
    recall.add("two")
    assert recall.load() == []
    (line,) = told
    assert line.startswith("what you type is not kept for the next time: ")


def test_it_stands_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert default_file() == tmp_path / "chatcore" / "typed.jsonl"
