"""The input history survives the program, and only its owner may read it."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from cli.places import typed_file
from cli.terminal.input_history import MOST, MOST_BYTES, InputHistory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "typed.jsonl"


def fail(message: str) -> None:
    raise AssertionError(message)


def test_clients_share_one_history(file: Path) -> None:
    one, other = InputHistory(file, fail), InputHistory(file, fail)
    assert one.load() == []
    for history, text in ((one, "first"), (other, "two\nlines \u2028 \U0001f600"), (one, "/join ops")):
        history.add(text)
    assert InputHistory(file, fail).load() == ["first", "two\nlines \u2028 \U0001f600", "/join ops"]


def test_a_line_that_starts_with_a_space_is_not_saved(file: Path) -> None:
    history = InputHistory(file, fail)
    history.add(" my secret")
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_only_the_owner_may_read_the_file(file: Path) -> None:
    history = InputHistory(file, fail)
    history.add("x" * (MOST_BYTES + 1))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    history.add("x" * MOST_BYTES)
    history.load()  # which removes old entries
    assert file.stat().st_size < MOST_BYTES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_old_entries_are_removed(file: Path) -> None:
    history = InputHistory(file, fail)
    for number in range(2 * MOST + 1):
        history.add(str(number))
    expected = [str(number) for number in range(MOST + 1, 2 * MOST + 1)]
    assert history.load() == expected
    assert [json.loads(line) for line in file.read_text().splitlines()] == expected


def test_lines_that_are_not_entries_are_ignored(file: Path) -> None:
    history = InputHistory(file, fail)
    history.add("mine")
    with file.open("ab") as stream:
        stream.write(b"\xff\n{}\nnot json\n\n")
    history.add("mine too")
    assert history.load() == ["mine", "mine too"]


def test_a_failure_to_save_is_reported_once(tmp_path: Path) -> None:
    warnings: list[str] = []
    (tmp_path / "state").write_text("a file where a directory should be")
    history = InputHistory(tmp_path / "state" / "typed.jsonl", warnings.append)
    history.add("one")
    history.add("two")
    assert history.load() == []
    (line,) = warnings
    assert line.startswith("the input history is not saved: ")


def test_the_file_is_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert typed_file() == tmp_path / "chatcore" / "typed.jsonl"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_every_directory_that_is_made_is_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        InputHistory(tmp_path / "a" / "b" / "typed.jsonl", fail).add("hi")
    finally:
        os.umask(before)
    made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.rglob("*")}
    assert made == {"a": 0o700, "b": 0o700, "typed.jsonl": 0o600}
