"""What a hub has counted, compared with what happened."""

import dataclasses

import pytest

from chatcore.server.statistics import RoomStatistics, Statistics
from tests.protocol.frames import Join
from tests.server.driver import Host


def test_a_new_hub_has_counted_nothing() -> None:
    assert Host().hub.statistics() == Statistics(
        connections=0,
        sessions=0,
        subscriptions=0,
        rooms=(),
        accepted=0,
        turned_away=0,
        messages=0,
        refusals={},
    )


def test_connections_and_sessions_are_those_of_now() -> None:
    host = Host()
    ana, _ = host.live("ana"), host.connect()
    before = host.hub.statistics()
    assert (before.connections, before.sessions, before.accepted) == (2, 1, 2)
    ana.lose()
    after = host.hub.statistics()
    assert (after.connections, after.sessions, after.accepted) == (1, 0, 2)


def test_a_session_that_was_taken_over_is_counted_once() -> None:
    host = Host()
    ana = host.live("ana")
    again = host.connect()
    again.feed(b'{"type":"hello","protocol":1,"nick":"ana","session":"%s"}\n' % ana.secret.encode())
    assert ana.closed or ana.ended
    if not ana.closed:
        ana.lose()
    counted = host.hub.statistics()
    assert (counted.connections, counted.sessions, counted.accepted) == (1, 1, 2)


def test_connections_that_a_limit_forbids_are_turned_away() -> None:
    host = Host(connections=1)
    host.live("ana")
    host.connect()
    host.connect()
    counted = host.hub.statistics()
    assert (counted.connections, counted.accepted, counted.turned_away) == (1, 1, 2)
    assert counted.refusals == {"limit_exceeded": 2}


def test_rooms_are_those_in_use_in_the_order_of_their_names() -> None:
    host = Host()
    ana = host.member("ana", "ops")
    host.member("bob", "ops")
    ana.send(Join(room="Lobby"))
    ana.post("one", "two", room="ops")
    rooms = host.hub.statistics().rooms
    assert [(room.room, room.head, room.count) for room in rooms] == [("lobby", 0, 1), ("ops", 2, 2)]
    assert {room.epoch for room in rooms} == {host.hub.rooms["ops"].epoch}


def test_messages_are_those_that_were_stored_whoever_posted_them() -> None:
    host = Host()
    host.member("ana").post("one", "two")
    host.hub.post("ops", "program", "three", id="3")
    host.hub.post("ops", "program", "three", id="3")
    host.hub.post("ops", "program", "four", id="3")
    assert host.hub.statistics().messages == 3


def test_refusals_are_counted_by_code() -> None:
    host = Host(text_bytes=10, line_bytes=2_000)
    ana = host.member("ana")
    ana.post("x" * 11, "y" * 11)
    ana.post("hello", room="elsewhere", prefix="more")
    assert host.hub.statistics().refusals == {"too_long": 2, "not_joined": 1}


def test_subscriptions_are_counted_apart() -> None:
    host = Host()
    with host.hub.subscribe("ops"):
        counted = host.hub.statistics()
        assert (counted.subscriptions, counted.connections, counted.sessions) == (1, 0, 0)
        assert [(room.room, room.count) for room in counted.rooms] == [("ops", 0)]
    assert host.hub.statistics().subscriptions == 0


def test_what_was_returned_does_not_change() -> None:
    host = Host()
    counted = host.hub.statistics()
    host.member("ana").post("hello", room="elsewhere")
    assert (counted.connections, counted.rooms, counted.refusals) == (0, (), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        counted.connections = 5  # type: ignore[misc]  # that is the test
    with pytest.raises(dataclasses.FrozenInstanceError):
        RoomStatistics("lobby", "e", 1, 1).head = 5  # type: ignore[misc]  # that is the test
