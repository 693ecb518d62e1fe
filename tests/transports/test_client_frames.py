"""Both clients against servers that are scripts: what they send, and what they make of the answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from chatcore import (
    Backoff,
    DisconnectedError,
    Event,
    Gap,
    Left,
    Message,
    NickFrame,
    Position,
    RefusedError,
    UsageError,
)
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.peers import DEADLINE, line

Connect = Callable[..., Visitor]
E = TypeVar("E", bound=Event)

KEY = "k" * 43


def until(visitor: Visitor, kind: type[E]) -> E:
    """Take events up to the next of a kind."""
    while not isinstance(event := visitor.receive(DEADLINE), kind):
        pass
    return event


def test_posts_carry_kind_and_target(connect: Connect) -> None:
    asked: list[dict[str, Any]] = []

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        for seq in (1, 2):
            asked.append(guest.asked("post"))
            guest.send(line("ack", room="lobby", id=asked[-1]["id"], seq=seq, durability="synced"))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert ann.post("looks around", kind="action").seq == 1
        assert ann.post_nowait("yes", kind="x.vote", target=1).result(DEADLINE).seq == 2
        with pytest.raises(UsageError, match="a kind is text, action or notice"):
            ann.post("no", kind="edit")
        ann.close()
    assert [(post.get("kind"), post.get("target")) for post in asked] == [("action", None), ("x.vote", 1)]


def test_messages_have_the_kind_that_the_server_says(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        fields = {"room": "lobby", "nick": "bob", "at": "2026-11-23T14:35:25.649329Z"}
        guest.send(line("message", seq=1, prev=0, id="1", text="looks around", kind="action", **fields))
        guest.send(line("message", seq=2, prev=1, id="2", text="hm", kind="later", target=1, **fields))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        messages = [until(ann, Message) for _ in range(2)]
        ann.close()
    assert [(each.kind, each.target) for each in messages] == [("action", None), ("later", 1)]
    assert messages[0].at == datetime(2026, 11, 23, 14, 35, 25, 649329, tzinfo=UTC)


def test_rooms_of_the_server_are_listed(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.welcome()
        asked = guest.asked("rooms")
        assert (asked["after"], asked["prefix"], asked["limit"]) == ("lobby", "o", 1)
        entry = {"room": "ops", "count": 3, "head": 512, "at": "2026-11-23T14:35:25Z"}
        guest.send(line("room_list", rooms=[entry], more=True, token=asked["token"]))
        guest.send(line("error", code="rate_limited", message="slowly", id=guest.asked("rooms")["token"]))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", rooms=[])
        listed = ann.do("list_rooms", after="lobby", prefix="o", limit=1)
        assert listed.more
        assert [(each.room, each.count, each.head) for each in listed.rooms] == [("ops", 3, 512)]
        with pytest.raises(RefusedError, match="slowly"):
            ann.do("list_rooms")
        ann.close()


def test_history_is_asked_for_by_time(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        asked = guest.asked("history")
        assert (asked["after_at"], asked["before"]) == ("2026-11-23T14:00:00Z", 40)
        gaps = [{"after": 0, "through": 30, "reason": "expired"}]
        page: dict[str, Any] = {"base": 30, "more": False, "gaps": gaps, "messages": []}
        guest.send(line("page", room="lobby", epoch="e", token=asked["token"], **page))
        guest.wait_for_end()

    at = datetime(2026, 11, 23, 14, tzinfo=UTC)
    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        page = ann.history(after_at=at, before=40)
        assert [gap.reason for gap in page.gaps or ()] == ["expired"]
        with pytest.raises(UsageError, match="either after or after_at"):
            ann.history(after_at=at, after=1)
        ann.close()


def test_a_nick_that_another_device_took_is_an_event_and_no_answer(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        asked = guest.asked("nick")
        guest.send(line("nick", nick="cleo") + line("nick", nick="bob", token=asked["token"]))
        guest.send(line("nick", nick="dora"))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        assert ann.set_nick("bob").nick == "bob"
        assert [until(ann, NickFrame).nick for _ in range(3)] == ["cleo", "bob", "dora"]
        assert ann.nick == "dora"
        ann.close()


def test_a_join_that_ends_in_a_left_raises(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.asked("join")
        guest.send(
            line("left", room="ops", reason="expelled") + line("left", room="lobby", reason="expelled")
        )
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        with pytest.raises(RefusedError, match="put you out of ops") as refused:
            ann.join("ops")
        assert refused.value.code == "forbidden"
        assert until(ann, Left) == Left(room="lobby", reason="expelled")
        assert ann.do("rooms") == ()
        ann.close()


@pytest.mark.parametrize("reason", ["banned", "revoked"])
def test_a_client_that_is_put_out_for_good_does_not_reconnect(connect: Connect, reason: str) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.send(line("closing", reason=reason))

    with HostileServer(script) as server:  # which takes one connection only
        ann = connect(server.url, nick="ann", reconnect=True)
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        assert ended.value.reason == reason


def test_a_key_is_sent_and_account_and_role_are_known(connect: Connect) -> None:
    hellos: list[dict[str, Any]] = []

    def script(guest: Guest) -> None:
        hellos.append(guest.welcome(account="ada", role="guest"))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", rooms=[], key=KEY)
        assert (ann.do("account"), ann.do("role")) == ("ada", "guest")
        assert KEY not in ann.do("__repr__")
        ann.close()
        with pytest.raises(UsageError, match="key"):
            connect(server.url, nick="ann", key="too short")
    assert hellos[0]["key"] == KEY


def test_a_resume_may_be_bounded_and_skipped_messages_are_no_warning(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[dict[str, Any]] = []

    def script(guest: Guest) -> None:
        guest.welcome()
        asked.append(guest.asked("join"))
        guest.send(line("joined", room="lobby", epoch="e", head=5, after=5, count=1))

    def later(guest: Guest) -> None:
        guest.welcome()
        asked.append(guest.asked("join"))
        guest.send(line("joined", room="lobby", epoch="e", head=9, after=5, count=1))
        guest.send(line("gap", room="lobby", after=5, through=8, reason="skipped", count=3) + message(9))
        guest.wait_for_end()

    with HostileServer(script, later) as server:
        backoff = Backoff(first=0.001, longest=0.001)
        ann = connect(server.url, nick="ann", reconnect=True, most_missed=1, backoff=backoff)
        said = ann.next_message()
        assert said is not None
        assert said.seq == ann.position().seq == 9
        ann.close()
        with pytest.raises(UsageError, match="most_missed"):
            connect(server.url, nick="ann", most_missed=-1)
    assert [(join.get("after"), join.get("history")) for join in asked] == [
        (None, None),
        ({"epoch": "e", "seq": 5}, 1),
    ]
    assert caplog.records == []


def test_a_join_may_name_a_position_and_a_number(connect: Connect) -> None:
    def script(guest: Guest) -> None:
        guest.welcome()
        asked = guest.asked("join")
        assert (asked["after"], asked["history"]) == ({"epoch": "e", "seq": 5}, 1)
        guest.send(line("joined", room="lobby", epoch="e", head=9, after=5, count=1))
        guest.send(line("gap", room="lobby", after=5, through=8, reason="skipped", count=3))
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", rooms=[])
        ann.join("lobby", after=Position(epoch="e", seq=5), history=1)
        gap = until(ann, Gap)
        assert (gap.reason, gap.count, ann.position("lobby").seq) == ("skipped", 3, 8)
        ann.close()
