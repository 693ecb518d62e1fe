"""A client that is killed at every byte that it writes of its state, and what the next one finds."""

import os
from pathlib import Path

import pytest

from cli.state.records import Record, encode
from cli.state.remembered import Header, Remembered
from cli.state.slots import Slots
from tests.rows import CLIENT_CUTS

SERVER = "chat://127.0.0.1:7024"
MARK = {"number": 2, "epoch": "e", "read": 5, "read_at": "2026-11-25T18:02:11+00:00"}
WRITTEN: list[Record] = [
    Header(SERVER, "ada", 120.0).record(),
    {"session": "s" * 32},
    {"room": "ops", **MARK},
    {"unsent": "1", "room": "ops", "kind": "action", "text": "grün\n\x1b", "typed": 1.5, "behind": ["e", 5]},
    {"draft": "half a", "room": "ops"},
    {"settled": "1"},
    {"mention": "ops", "epoch": "e", "seq": 9, "nick": "bob", "text": "ada?"},
    {"muted": "ops", "on": True},
    {"room": "ops", "left": True},
]
LATER: Record = {"unsent": "2", "room": "ops", "text": "and then", "typed": 2.5}

TAILS = (b"", b"\0" * 512)
"""What is after the cut: nothing or, as after a power cut, zeros."""


def loaded(records: list[Record]) -> Remembered:
    remembered = Remembered(Header(SERVER, "ada"))
    remembered.apply(records)
    return remembered


def test_the_next_client_has_every_whole_record_and_remembers_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    slots = Slots(tmp_path / "state", SERVER, "ada", account=False)
    slots.take().close()
    (path,) = (tmp_path / "state").glob("*.jsonl")
    lines = [encode(record) for record in WRITTEN]
    ends = [len(b"".join(lines[: number + 1])) for number in range(len(lines))]
    for cut in sorted({*range(0, ends[-1], CLIENT_CUTS), *ends, *(end - 1 for end in ends)}):
        path.write_bytes(b"".join(lines)[:cut] + TAILS[cut % len(TAILS)])
        whole = [record for record, end in zip(WRITTEN, ends, strict=True) if end <= cut]
        slot = slots.take()
        assert slot.remembered == loaded(whole), cut
        slot.write(LATER, sync=True).result(10)
        slot.close()
        after = slots.take()
        assert after.remembered == loaded([*whole, LATER]), cut
        after.close()
