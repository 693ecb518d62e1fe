"""What a client asks of a server's rooms and of a room's past, and which answer belongs to which question."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from chatcore import (
    History,
    Message,
    NickFrame,
    ProtocolError,
    RefusedError,
    RoomList,
    Rooms,
    Search,
    UsageError,
)
from tests.client.script import EPOCH, Script, message

AT = datetime(2026, 11, 23, 14, 35, 25, 649329, tzinfo=UTC)


@pytest.fixture
def ana() -> Script:
    return Script("ana", "lobby")


# --- rooms ---------------------------------------------------------------------------------------

OPS = {"room": "ops", "count": 3, "head": 512, "at": "2026-11-23T14:35:25.649329Z"}
STAFF = {"room": "staff", "count": 0, "head": 9, "at": "2026-11-20T08:00:00Z", "private": True}


def test_rooms_are_listed_with_what_is_known_of_each(ana: Script) -> None:
    asked = ana.session.list_rooms(after="lobby", prefix="o", limit=2)
    (frame,) = ana.sent()
    assert {**frame, "token": ""} == {
        "type": "rooms",
        "after": "lobby",
        "prefix": "o",
        "limit": 2,
        "token": "",
    }
    ana.say(
        "room_list", rooms=[OPS, STAFF, {"room": "x", "count": 1, "head": 0}], more=True, token=frame["token"]
    )
    answer = asked.result()
    assert answer.more
    assert [(each.room, each.count, each.head, each.private) for each in answer.rooms] == [
        ("ops", 3, 512, None),
        ("staff", 0, 9, True),
        ("x", 1, 0, None),
    ]
    assert [each.at for each in answer.rooms] == [AT, datetime(2026, 11, 20, 8, tzinfo=UTC), None]
    assert ana.types() == ["joined"]


def test_lists_of_rooms_are_told_apart_by_their_tokens(ana: Script) -> None:
    first, second = ana.session.list_rooms(), ana.session.list_rooms(prefix="o")
    tokens = [frame["token"] for frame in ana.sent()]
    ana.say("room_list", rooms=[OPS], more=False, token=tokens[1])
    ana.say("room_list", rooms=[STAFF], more=False, token="nobody's")
    assert not first.done
    assert [each.room for each in second.result().rooms] == ["ops"]
    ana.say("error", code="rate_limited", message="slowly", id=tokens[0], retry_after=2.0)
    with pytest.raises(RefusedError) as refused:
        first.result()
    assert refused.value.retry_after == 2.0


def test_rooms_can_be_listed_from_none_and_are_asked_again_after_a_loss() -> None:
    ana = Script("ana")
    asked = ana.session.list_rooms()
    before = ana.sent()
    ana.cut()
    ana.connect(nick="ana")
    assert ana.sent() == before
    ana.say("room_list", rooms=[], more=False, token=before[0]["token"])
    assert asked.result() == RoomList(rooms=(), more=False, token=before[0]["token"])


@pytest.mark.parametrize("options", [{"after": "a b"}, {"prefix": ""}, {"limit": 0}])
def test_a_list_that_cannot_be_asked_for_is_a_usage_error(ana: Script, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ana.session.list_rooms(**options)


# --- searches ------------------------------------------------------------------------------------

HIT: dict[str, Any] = json.loads(message(7, text="disk full"))


def test_a_search_is_asked_and_answered_by_its_token(ana: Script) -> None:
    asked = ana.session.search("disk", nick="bob", room="lobby", after=1, before=9, limit=2, cursor="c")
    other = ana.session.search("disk")
    (frame, second) = ana.sent()
    assert {**frame, "token": ""} == {
        "type": "search",
        "query": "disk",
        "nick": "bob",
        "room": "lobby",
        "after": 1,
        "before": 9,
        "limit": 2,
        "cursor": "c",
        "token": "",
    }
    ana.say("found", room="lobby", cursor="d", token=frame["token"], messages=[HIT])
    assert (asked.result().messages[0].text, asked.result().cursor) == ("disk full", "d")
    assert not other.done
    ana.say("error", code="unavailable", message="no", id=second["token"])
    with pytest.raises(RefusedError) as refused:
        other.result()
    assert refused.value.retry_after is None
    assert ana.types() == ["joined"]


@pytest.mark.parametrize(
    "answer",
    [
        {"messages": [{**HIT, "room": "attic"}]},
        {"messages": [HIT, {**HIT, "seq": 6, "prev": 5}]},
        {"messages": [], "cursor": "c"},
    ],
    ids=["of another room", "too many", "leads nowhere"],
)
def test_results_that_are_not_what_was_asked_for_end_the_connection(
    ana: Script, answer: dict[str, Any]
) -> None:
    ana.session.search("disk", room="lobby", limit=1, cursor="c")
    (frame,) = ana.sent()
    ana.say("found", token=frame["token"], **answer)
    assert isinstance(ana.session.error, ProtocolError)


def test_a_search_of_all_rooms_waits_until_all_are_entered_again(ana: Script) -> None:
    asked = ana.session.search("disk")
    (before,) = ana.sent()
    ana.cut()
    ana.connect(nick="ana")
    assert [frame["type"] for frame in ana.sent()] == ["join"]
    ana.say("joined", room="lobby", epoch=EPOCH, head=0, after=0, count=1)
    assert ana.sent() == [before]
    ana.say("found", token=before["token"], messages=[])
    assert asked.result().messages == ()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"query": ""},
        {"query": "..."},
        {"query": "ab*"},
        {"query": "x" * 257},
        {"query": "x", "limit": 101},
        {"query": "x", "after": 1},
        {"query": "x", "after_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is wrong with it
        {"nick": "a b"},
    ],
)
def test_a_search_that_cannot_be_answered_is_a_usage_error(ana: Script, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ana.session.search(**options)


def test_frames_of_ones_own_get_a_token_unless_they_have_one(ana: Script) -> None:
    for frame in (
        Rooms(),
        NickFrame(nick="anna"),
        History(room="lobby"),
        Search(query="x"),
        Rooms(token="mine"),
    ):
        ana.session.ask(frame)
    tokens = [frame["token"] for frame in ana.sent()]
    assert tokens[-1] == "mine"
    assert len(set(tokens)) == 5


# --- history by time -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"after_at": AT}, {"after_at": "2026-11-23T14:35:25.649329Z"}),
        (
            {"after_at": datetime(2026, 11, 23, 15, tzinfo=timezone(timedelta(hours=1))), "before_at": AT},
            {"after_at": "2026-11-23T14:00:00Z", "before_at": "2026-11-23T14:35:25.649329Z"},
        ),
        ({"after_at": AT, "before": 9}, {"after_at": "2026-11-23T14:35:25.649329Z", "before": 9}),
        ({"after": 5, "before": 9, "limit": 2}, {"after": 5, "before": 9, "limit": 2}),
        ({"after": 5, "before_at": AT}, {"after": 5, "before_at": "2026-11-23T14:35:25.649329Z"}),
    ],
)
def test_one_bound_on_each_side_is_sent(ana: Script, asked: dict[str, Any], sent: dict[str, Any]) -> None:
    ana.session.history("lobby", **asked)
    (frame,) = ana.sent()
    del frame["token"]
    assert frame == {"type": "history", "room": "lobby", **sent}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"after": 1, "after_at": AT}, "either after or after_at"),
        ({"before": 1, "before_at": AT, "after": 1}, "either before or before_at"),
        ({"after_at": AT.replace(tzinfo=None)}, "after_at is a datetime with a time zone"),
        ({"before_at": "2026-11-23T14:00:00Z"}, "before_at is a datetime with a time zone"),
        (
            {"after_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))},
            "after_at is before the year 1",
        ),
    ],
)
def test_bounds_that_exclude_each_other_are_a_usage_error(
    ana: Script, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        ana.session.history("lobby", **asked)
    assert ana.sent() == []


def test_the_time_of_a_message_can_be_asked_for_as_it_is(ana: Script) -> None:
    ana.session.receive_data(message(1))
    (_, said) = ana.events()
    assert isinstance(said, Message)
    assert said.at == AT
    ana.session.history("lobby", after_at=said.at)
    assert ana.sent()[0]["after_at"] == "2026-11-23T14:35:25.649329Z"


def test_a_page_has_the_gaps_that_the_server_names(ana: Script) -> None:
    asked = ana.session.history("lobby", after=9)
    (frame,) = ana.sent()
    gaps = [{"after": 9, "through": 11, "reason": "expired"}, {"after": 11, "through": 12, "reason": "eaten"}]
    ana.say(
        "page", room="lobby", epoch=EPOCH, base=11, more=False, gaps=gaps, messages=[], token=frame["token"]
    )
    assert [(gap.after, gap.through, gap.reason) for gap in asked.result().gaps or ()] == [
        (9, 11, "expired"),
        (11, 12, "unknown"),
    ]
