"""The ids that are made for posts."""

import time
from uuid import RFC_4122, UUID

import pytest

from chatcore.ids import new_id
from chatcore.messages import Post


def test_an_id_is_a_uuid_of_version_7() -> None:
    for _ in range(100):
        made = new_id()
        parsed = UUID(made)
        assert (str(parsed), parsed.version, parsed.variant) == (made, 7, RFC_4122)
        Post(room="lobby", id=made, text="hi")


def test_ids_are_different_also_within_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_123_456_789)
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert {UUID(each).int >> 80 for each in made} == {1_800_000_000_123}


def test_ids_rise_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for seconds in (0, 1, 10**9, 2 * 10**9, 8 * 10**9):
        monkeypatch.setattr(time, "time_ns", lambda seconds=seconds: seconds * 10**9)
        made.append(new_id())
    assert made == sorted(made)
