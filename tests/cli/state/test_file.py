"""A slot's file, cut off at every byte, and killed between any two steps of being written again."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatcore import UsageError
from cli.state import file as slot_file
from cli.state.file import SlotFile, read_records, set_aside
from cli.state.records import Record, encode, scan

RECORDS: list[Record] = [
    {"session": "s" * 32},
    {"room": "ops", "number": 2, "epoch": "e", "read": 5, "read_at": "2026-11-25T18:02:11+00:00"},
    {"unsent": "1", "room": "ops", "kind": None, "text": "grün\n\x1b", "typed": 1.5, "behind": ["e", 5]},
    {"settled": "1"},
]
LATER: Record = {"current": "ops"}


class Killed(BaseException):
    """The program is gone."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slot.jsonl"


@pytest.mark.parametrize("tail", [b"", b"\0", b"\0" * 4096, b"00000000 {}"])
def test_a_file_cut_off_at_any_byte_loses_only_the_record_that_was_cut(path: Path, tail: bytes) -> None:
    lines = [encode(record) for record in RECORDS]
    whole = b"".join(lines)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut] + tail)
        kept = [record for number, record in enumerate(RECORDS, 1) if len(b"".join(lines[:number])) <= cut]
        assert read_records(path) == kept
        file = SlotFile(path)
        file.append([LATER], sync=True)
        file.close()
        assert read_records(path) == [*kept, LATER], cut


def test_a_damaged_line_costs_only_itself(path: Path) -> None:
    lines = [encode(record) for record in RECORDS]
    for number, line in enumerate(lines):
        for place in range(len(line) - 1):
            damaged = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
            path.write_bytes(b"".join([*lines[:number], damaged, *lines[number + 1 :]]))
            assert read_records(path) == [*RECORDS[:number], *RECORDS[number + 1 :]]


@pytest.mark.parametrize("line", [b"[1]", b"1", b"null", b"{", b"[" * 100_000, b"\xff"])
def test_what_checks_and_is_no_record_is_skipped(line: bytes) -> None:
    from zlib import crc32

    data = b"%08x %s\n" % (crc32(line), line)
    assert scan(data) == ([], len(data))


STEPS = ("unlink", "open", "fsync", "replace", "close")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_between_any_two_steps_the_file_is_the_old_or_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    for count in range(4):
        first = SlotFile(path)
        first.rewrite(RECORDS)
        first.append([LATER])
        with monkeypatch.context() as patch:
            patch.setattr(os, step, _killed_at(getattr(os, step), count, after=after))
            with contextlib.suppress(Killed):
                first.rewrite([LATER])
        assert read_records(path) in ([*RECORDS, LATER], [LATER])
        again = SlotFile(path)
        again.rewrite(RECORDS)
        assert read_records(path) == RECORDS
        assert sorted(path.parent.iterdir()) == [path]


def _killed_at(real: Callable[..., Any], count: int, *, after: bool) -> Callable[..., Any]:
    calls = 0

    def step(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= count:
            return real(*args, **named)
        if after:
            real(*args, **named)
        raise Killed

    return step


def test_a_write_that_fails_leaves_no_part_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SlotFile(path)
    file.append(RECORDS)
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        with pytest.raises(OSError, match="no space"):
            file.append([LATER])
    file.append([LATER])
    assert read_records(path) == [*RECORDS, LATER]


def test_the_file_is_its_owners_alone(path: Path) -> None:
    file = SlotFile(path)
    file.append(RECORDS)
    assert path.stat().st_mode & 0o777 == 0o600
    file.rewrite(RECORDS)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not_read(path: Path, mode: int) -> None:
    SlotFile(path).append(RECORDS)
    path.chmod(mode)
    with pytest.raises(UsageError, match="other users may write"):
        read_records(path)


def test_a_file_that_is_too_long_is_set_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set_aside(path) is None
    SlotFile(path).append(RECORDS)
    assert set_aside(path) is None
    monkeypatch.setattr(slot_file, "MOST_BYTES", 100)
    assert read_records(path) == []
    assert path.exists()  # another program may own it
    assert set_aside(path) == path.with_suffix(".bad")
    assert [each.name for each in path.parent.iterdir()] == ["slot.bad"]
    assert read_records(path) == []


def test_a_file_that_is_too_long_and_that_others_may_write_is_not_touched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SlotFile(path).append(RECORDS)
    path.chmod(0o620)
    monkeypatch.setattr(slot_file, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match="other users may write"):
        set_aside(path)


def test_a_text_takes_few_bytes_and_may_be_anything(path: Path) -> None:
    record: Record = {"draft": "\U0001f600" * 1_000 + "\ud83d\u2028\x00", "room": "ops"}
    SlotFile(path).append([record])
    assert path.stat().st_size < 4_100
    assert read_records(path) == [record]


def test_a_file_is_long_when_most_of_it_is_history(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_file, "REWRITE_BYTES", 1_000)
    file = SlotFile(path)
    file.rewrite([LATER])
    while not file.is_long:
        assert path.stat().st_size <= 1_000
        file.append([LATER])
    file.rewrite([LATER])
    assert not file.is_long
