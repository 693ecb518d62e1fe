"""When a poster posts, and what it does about the answers."""

from dataclasses import replace

import pytest

from chatcore import Ack, Error, Post
from chatcore.wire import client_frames
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.poster import Poster
from tests.cli.load.room import PLAN

START = 100.0


def poster(index: int = 0, *, rate: float | None = None, window: int = 0, seconds: float = 10.0) -> Poster:
    plan = replace(PLAN, rate=rate, window=window, seconds=seconds)
    return Poster(plan, index, Ledger(plan), Histogram(), START)


def posts(data: bytes) -> list[str]:
    """Return the ids of the posts in some output."""
    frames = [client_frames.validate_json(line) for line in data.splitlines()]
    assert all(isinstance(frame, Post) for frame in frames)
    return [frame.id for frame in frames if isinstance(frame, Post)]


def ack(id_: str) -> Ack:
    return Ack(room="bench", id=id_, seq=1, durability="memory")


def refusal(id_: str, retry_after: float | None) -> Error:
    return Error(code="rate_limited", message="no", room="bench", id=id_, retry_after=retry_after)


def test_a_rate_is_kept_and_posters_take_turns() -> None:
    first, second = poster(0, rate=10.0), poster(1, rate=10.0)
    assert posts(first.data_to_send(START)) == ["run-0-0"]
    assert posts(second.data_to_send(START)) == []
    assert second.next_deadline() == START + 0.05
    assert posts(second.data_to_send(START + 0.05)) == ["run-1-0"]
    assert first.next_deadline() == START + 0.1
    assert posts(first.data_to_send(START + 0.31)) == ["run-0-1", "run-0-2", "run-0-3"]


def test_a_rate_ends_with_its_time() -> None:
    it = poster(rate=10.0, seconds=0.5)
    assert len(posts(it.data_to_send(START + 3.0))) == 5
    assert it.next_deadline() is None
    assert it.data_to_send(START + 4.0) == b""


def test_a_rate_waits_if_nothing_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.load.poster.UNANSWERED", 10)
    it = poster(rate=1_000.0)
    assert len(posts(it.data_to_send(START + 1.0))) == 10
    assert it.next_deadline() is None
    it.acknowledge(ack("run-0-0"), START + 1.0)
    assert posts(it.data_to_send(START + 1.0)) == ["run-0-10"]


def test_a_window_is_kept_full_until_the_time_is_over() -> None:
    it = poster(window=3)
    assert posts(it.data_to_send(START)) == ["run-0-0", "run-0-1", "run-0-2"]
    assert it.data_to_send(START) == b""
    it.acknowledge(ack("run-0-0"), START + 1.0)
    assert (it.acked, it.unanswered) == (1, 2)
    assert posts(it.data_to_send(START + 1.0)) == ["run-0-3"]
    it.acknowledge(ack("run-0-1"), START + 10.0)
    assert it.data_to_send(START + 10.0) == b""
    assert (it.sent, it.unanswered) == (4, 2)


def test_posts_refused_for_now_are_sent_again_in_order() -> None:
    it = poster(window=3)
    first = posts(it.data_to_send(START))
    for id_ in reversed(first):
        it.refuse(refusal(id_, 2.0), START)
    assert it.data_to_send(START + 1.0) == b""
    assert it.next_deadline() == START + 2.0
    assert posts(it.data_to_send(START + 2.0)) == first
    assert it.refusals == {"rate_limited": 3}
    assert it.sent == 3


def test_a_post_refused_for_good_is_not_repeated() -> None:
    it = poster(window=1)
    it.data_to_send(START)
    it.refuse(refusal("run-0-0", None), START)
    assert it.unanswered == 0
    assert posts(it.data_to_send(START)) == ["run-0-1"]


def test_after_the_end_nothing_is_sent_again() -> None:
    it = poster(window=2)
    it.data_to_send(START)
    it.refuse(refusal("run-0-0", 1.0), START)
    it.stop()
    assert it.unanswered == 1
    it.acknowledge(ack("run-0-1"), START)
    assert (it.data_to_send(START + 5.0), it.unanswered) == (b"", 0)
