"""The peer of the tests judges: what keeps the rules is read, and each rule that is broken is noticed."""

import re
from typing import Any

import pytest

from tests.protocol.codec import decode_client, encode
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Error,
    Frame,
    Gap,
    GapReason,
    Hello,
    History,
    Join,
    Joined,
    Left,
    Message,
    NickFrame,
    Page,
    PageGap,
    Position,
    Post,
    RoomEntry,
    RoomList,
    Rooms,
    ServerFrame,
    Time,
    Welcome,
)
from tests.protocol.reader import FrameReader

EARLY, LATE = Time("2026-11-23T14:35:25Z"), Time("2026-11-23T14:35:25.000001Z")
WELCOME = Welcome(protocol=1, server="s", session="s", nick="ada", limits={"line_bytes": 1_000})
JOINED = Joined(room="lobby", epoch="e", head=9, after=0, count=1)
RESET = Gap(room="lobby", after=0, through=0, reason="reset")
EXPIRED = Gap(room="lobby", after=0, through=2, reason="expired")
SKIPPED = Gap(room="lobby", after=2, through=8, reason="skipped", count=4)
RENEWED = Joined(room="lobby", epoch="f", head=9, after=0, count=1)
JOIN = Join(room="Lobby", after=Position(epoch="e", seq=0), history=1)


def message(seq: int, prev: int, **fields: Any) -> Message:
    """Return a message with what does not matter filled in."""
    return Message(
        **{"room": "lobby", "id": "1", "nick": "ada", "text": "hi", "at": EARLY} | fields, seq=seq, prev=prev
    )


def gap(after: int, through: int, reason: GapReason = "expired", count: int | None = None) -> Gap:
    """Return a gap in the lobby."""
    return Gap(room="lobby", after=after, through=through, reason=reason, count=count)


def page(*messages: Message, base: int = 0, gaps: tuple[PageGap, ...] | None = None) -> Page:
    """Return a page of the lobby."""
    return Page(room="lobby", epoch="e", base=base, more=False, gaps=gaps, messages=messages)


def room_list(*rooms: RoomEntry, more: bool = False) -> RoomList:
    """Return a list of rooms."""
    return RoomList(rooms=rooms, more=more)


def entry(room: str, *, count: int = 1, head: int = 0, at: Time | None = None) -> RoomEntry:
    """Return a room of a list."""
    return RoomEntry(room=room, count=count, head=head, at=at)


def read(*frames: Frame, asked: ClientFrame = JOIN) -> FrameReader:
    """Read frames after a welcome."""
    reader = FrameReader()
    reader.note_sent(asked)
    for frame in (WELCOME, *frames):
        assert reader.receive_line(encode(frame)) == frame
    return reader


@pytest.mark.parametrize(
    ("frames", "seq"),
    [
        (
            [JOINED, message(1, 0), message(9, 1, at=LATE), gap(9, 12, "damaged"), message(13, 12, at=LATE)],
            13,
        ),
        ([JOINED, EXPIRED, SKIPPED, message(9, 8)], 9),
        ([JOINED, RESET, EXPIRED, gap(2, 9, "skipped"), message(10, 9)], 10),
        ([JOINED, gap(0, 9, "skipped", 0)], 9),
        (
            [
                JOINED,
                message(1, 0),
                Joined(room="lobby", epoch="f", head=9, after=0, count=1),
                RESET,
                message(3, 0),
            ],
            3,
        ),
    ],
)
def test_a_position_moves_through_messages_and_gaps(frames: list[Frame], seq: int) -> None:
    assert read(*frames).positions["lobby"].seq == seq


@pytest.mark.parametrize(
    "frame",
    [
        NickFrame(nick="ada2"),
        NickFrame(nick="ada2", token="t"),
        Left(room="lobby", reason="expelled"),
        Left(room="elsewhere", reason="expelled"),
        Error(code="unknown_kind", message="no", room="lobby", id="1"),
        Closing(reason="revoked"),
        page(message(4, 2), base=2, gaps=(PageGap(after=0, through=2, reason="expired"),)),
        page(base=2, gaps=(PageGap(after=2, through=9, reason="damaged"),)),
        room_list(),
        room_list(
            entry("a"), entry("b-2", head=3, at=LATE), RoomEntry(room="c", count=1, head=0, private=True)
        ),
        room_list(entry("a", count=0, head=3, at=LATE), more=True),
    ],
    ids=repr,
)
def test_what_keeps_the_rules_is_read(frame: ServerFrame) -> None:
    assert read(JOINED, frame).welcome == WELCOME


BROKEN: dict[str, list[Frame]] = {
    "cannot go on": [JOINED, message(2, 1)],
    "leads nowhere": [JOINED, gap(0, 0)],
    "not in the room": [message(1, 0)],
    "older than the one before": [JOINED, message(1, 0, at=LATE), message(2, 1)],
    "no news": [JOINED, JOINED],
    "nothing was to be skipped": [
        Joined(room="other", epoch="e", head=9, after=2, count=1),
        Gap(room="other", after=2, through=8, reason="skipped"),
    ],
    "skipped in mid-stream": [JOINED, message(2, 0), SKIPPED],
    "skips what is no replay": [JOINED, gap(0, 10, "skipped")],
    "too many": [JOINED, gap(0, 4, "skipped", 5)],
    "only what was skipped is counted": [JOINED, gap(0, 4, count=4)],
    "no server takes such a kind": [JOINED, message(1, 0, kind="edit")],
    "may not have a target": [JOINED, message(2, 0, kind="action", target=1)],
    "no text": [JOINED, message(1, 0, text="")],
    "a hole": [page(message(3, 2), base=1)],
    "in no page": [page(base=1, gaps=(PageGap(after=1, through=2, reason="skipped"),))],
    "no gaps are left out": [page(gaps=())],
    "is older than the one before": [page(message(1, 0, at=LATE), message(2, 1))],
    "of another room": [page(message(1, 0, room="other"))],
    "empty, but there are more": [room_list(more=True)],
    "out of order: RoomList": [room_list(entry("b"), entry("a"))],
    "a time and no message": [room_list(entry("a", at=LATE))],
    "nobody is there": [room_list(entry("a", count=0))],
    "private only if it is": [room_list(RoomEntry(room="a", count=1, head=0, private=False))],
    "the server has closed": [Closing(reason="banned"), RESET],
}


@pytest.mark.parametrize(("words", "frames"), BROKEN.items(), ids=BROKEN)
def test_a_broken_rule_is_noticed(words: str, frames: list[Frame]) -> None:
    with pytest.raises(AssertionError, match=re.escape(words)):
        read(*frames)


def test_nothing_but_errors_and_pings_comes_before_the_welcome() -> None:
    reader = FrameReader()
    reader.receive_line(encode(Error(code="rate_limited", message="later", retry_after=1.0)))
    with pytest.raises(AssertionError, match="before the welcome"):
        reader.receive_line(encode(JOINED))


@pytest.mark.parametrize(
    "frames",
    [
        [JOINED, gap(0, 4, "skipped"), gap(4, 8, "skipped")],
        [JOINED, RENEWED, RESET, gap(0, 3, "skipped")],
    ],
    ids=["twice", "after the log was replaced"],
)
def test_only_the_opening_of_a_join_skips(frames: list[Frame]) -> None:
    with pytest.raises(AssertionError, match="skipped in mid-stream"):
        read(*frames)


@pytest.mark.parametrize(
    "asked",
    [Join(room="lobby"), Join(room="lobby", history=1), Join(room="lobby", after=Position(epoch="e", seq=0))],
    ids=["plain", "history", "after"],
)
def test_a_join_without_both_skips_nothing(asked: Join) -> None:
    with pytest.raises(AssertionError, match="nothing was to be skipped"):
        read(JOINED, gap(0, 9, "skipped"), asked=asked)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"left","room":"lobby","reason":"bored"}',
        b'{"type":"gap","room":"lobby","after":0,"through":1,"reason":"expired","count":-1}',
        b'{"type":"gap","room":"lobby","after":0,"through":1,"reason":"eaten"}',
        b'{"type":"room_list","rooms":[{"room":"a","count":1}],"more":false}',
        b'{"type":"room_list","rooms":[{"room":"a","count":1,"head":1,"at":"yesterday"}],"more":false}',
        b'{"type":"rooms"}',
        b'{"type":"nick","nick":"ada","colour":"red"}',
    ],
)
def test_a_line_that_is_no_frame_of_a_server_is_noticed(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a frame"):
        read().receive_line(line)


@pytest.mark.parametrize(
    "frame",
    [
        Hello(protocol=1, nick="ada", key="k" * 43),
        JOIN,
        Post(room="lobby", id="1", kind="x.poll", target=3, text="yes"),
        History(room="lobby", after_at=EARLY, before_at=LATE, token="h"),
        Rooms(after="lobby", prefix="l", limit=2, token="r"),
        Rooms(),
        NickFrame(nick="ada", token="n"),
    ],
    ids=repr,
)
def test_a_frame_of_a_client_has_its_line(frame: ClientFrame) -> None:
    assert decode_client(encode(frame)) == frame
