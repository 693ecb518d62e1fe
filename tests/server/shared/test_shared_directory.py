"""One set of nicks and one list of people, on several hubs over one log."""

from random import Random

import pytest

from chatcore.errors import UsageError
from chatcore.limits import Limits
from chatcore.roster.acts import ROW_ROOMS, Rename
from chatcore.roster.machine import LEASE
from chatcore.server.shared_directory import SharedDirectory
from tests.journal.replicated.faulty_log import FaultyLog
from tests.protocol.frames import (
    Closing,
    Hello,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    NickFrame,
    Presence,
    RoomList,
    Rooms,
    Welcome,
    Who,
)
from tests.server.driver import Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.shared.machines import Machine, Machines

LOBBY = "lobby"


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def pair(machines: Machines) -> tuple[Machine, Machine]:
    return machines.add(), machines.add()


def nicks(peer: Peer, room: str = LOBBY) -> list[str]:
    """Return who is in a room, as a peer is told."""
    peer.host.machines.settle()  # type: ignore[attr-defined]
    peer.take()
    peer.send(Who(room=room))
    members = peer.one(Members)
    assert members.count == len(members.nicks)
    return list(members.nicks)


def joined(frames: list[Presence]) -> list[str]:
    return [nick for frame in frames for nick in frame.joined or ()]


def left(frames: list[Presence]) -> list[str]:
    return [nick for frame in frames for nick in frame.left or ()]


def test_a_nick_is_taken_on_all_machines(pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    one.live("ada")
    assert two.hello("ADA").error().code == "nick_taken"
    two.live("bob")


def test_the_secret_moves_a_session_to_another_machine(pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    ada = one.live("ada")
    moved = two.hello("ada", session=ada.secret)
    welcome = moved.one(Welcome)
    assert (welcome.nick, welcome.session) == ("ada", ada.secret)
    assert ada.one(Closing).reason == "taken_over"
    back = one.hello("ada", session=ada.secret)
    assert back.one(Welcome).session == ada.secret
    assert moved.one(Closing).reason == "taken_over"


def test_a_session_moves_within_a_machine_and_takes_its_allowance_along(
    pair: tuple[Machine, Machine],
) -> None:
    one, _ = pair
    ada = one.live("ada")
    bucket = ada.session.bucket
    again = one.hello("ada", session=ada.secret)
    assert again.one(Welcome).session == ada.secret
    assert ada.one(Closing).reason == "taken_over"
    assert again.session.bucket is bucket


def test_a_session_that_breaks_while_another_claims_its_seat_takes_nothing_along(
    machines: Machines, pair: tuple[Machine, Machine]
) -> None:
    one, two = pair
    ada = one.live("ada")
    machines.holds = True
    again = one.hello("ada", session=ada.secret)
    ada.lose()
    machines.holds = False
    machines.settle()
    assert again.one(Welcome).session == ada.secret
    assert two.hello("ada").error().retry_after is None  # it is in use, and not reserved


def test_a_session_that_broke_before_its_answer_takes_nothing_from_the_one_that_came_after_it(
    machines: Machines,
) -> None:
    one = machines.add()
    ada = one.live("ada")
    ada.lose()
    machines.holds = True
    two = machines.add()
    two.hello("ada", session=ada.secret).lose()
    again = two.hello("ada", session=ada.secret)  # both claims are one entry
    machines.holds = False
    machines.advance(2)
    assert again.one(Welcome).session == ada.secret
    assert one.hello("ada").error().retry_after is None  # it is in use, and not reserved
    machines.advance(130)
    assert one.hello("ada").error().code == "nick_taken"


def test_a_stranger_does_not_get_a_reserved_nick_and_its_owner_does_anywhere(
    pair: tuple[Machine, Machine],
) -> None:
    one, two = pair
    ada = one.live("ada")
    ada.lose()
    refused = two.hello("ada").error()
    assert (refused.code, refused.retry_after) == ("nick_taken", 120.0)
    assert two.hello("ada", session=ada.secret).one(Welcome).session == ada.secret


def test_a_reserved_nick_is_free_after_its_time(machines: Machines, pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    one.live("ada").lose()
    machines.advance(121)
    two.live("ada")
    assert one.directory.away() == []


def test_a_goodbye_frees_a_nick_on_all_machines(pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    ada = one.live("ada")
    ada.eof()
    two.live("ada")


def test_an_unknown_secret_is_adopted(pair: tuple[Machine, Machine]) -> None:
    one, _ = pair
    assert one.hello("ada", session="x" * 32).one(Welcome).session == "x" * 32


def test_presence_and_who_are_of_all_machines(machines: Machines, pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    ada, bob = one.member("ada"), two.member("bob")
    machines.settle()
    assert joined(ada.take_all(Presence)) == ["ada", "bob"]
    assert nicks(ada) == nicks(bob) == ["ada", "bob"]
    cleo = two.member("cleo")
    machines.settle()
    assert cleo.one(Joined).count == 3
    cleo.send(Leave(room=LOBBY))
    machines.settle()
    frames = ada.take_all(Presence)
    assert (joined(frames), left(frames)) == (["cleo"], ["cleo"])
    bob.lose()
    machines.settle()
    assert left(ada.take_all(Presence)) == ["bob"]
    assert nicks(ada) == ["ada"]


def test_whoever_enters_a_room_later_sees_who_is_in_it_elsewhere(
    machines: Machines, pair: tuple[Machine, Machine]
) -> None:
    one, two = pair
    one.member("ada", "ops")
    machines.settle()
    bob = two.member("bob", "ops")
    assert bob.one(Joined).count == 2
    assert nicks(bob, "ops") == ["ada", "bob"]


def test_a_list_of_rooms_counts_who_is_elsewhere(machines: Machines, pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    bob = two.member("bob", "tea")
    for name, rooms in {"ada": ("ops", "tea", "a"), "cleo": ("ops",)}.items():
        peer = one.live(name)
        peer.send(*(Join(room=room) for room in rooms))
    machines.settle()
    two.hub.post("ops", "keeper", "hello")
    machines.run()
    bob.send(Rooms())
    assert {each.room: each.count for each in bob.one(RoomList).rooms} == {"a": 1, "ops": 2, "tea": 2}
    bob.send(Rooms(limit=1, after="a"))
    page = bob.one(RoomList)
    assert ([each.room for each in page.rooms], page.more) == (["ops"], True)
    bob.send(Rooms(prefix="t"))
    assert [each.room for each in bob.one(RoomList).rooms] == ["tea"]
    one.all_leave()
    bob.send(Rooms())
    assert {each.room: each.count for each in bob.one(RoomList).rooms} == {"ops": 0, "tea": 1}


def test_a_full_room_is_full_on_all_machines(machines: Machines) -> None:
    one, two = machines.add(members_per_room=2), machines.add(members_per_room=2)
    one.member("ada")
    two.member("bob")
    machines.settle()
    assert two.member("cleo").error().code == "limit_exceeded"


def test_a_rename_is_told_on_all_machines(machines: Machines, pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    ada, bob = one.member("ada"), two.member("bob")
    machines.settle()
    bob.take()
    ada.take()
    ada.send(NickFrame(nick="cleo", token="t"))
    assert ada.one(NickFrame).nick == "cleo"
    machines.settle()
    [renamed] = [each for frame in bob.take_all(Presence) for each in frame.renamed or ()]
    assert (renamed.old, renamed.new) == ("ada", "cleo")
    bob.send(NickFrame(nick="CLEO"))
    assert bob.error().code == "nick_taken"
    assert nicks(ada) == nicks(bob) == ["bob", "cleo"]


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_whoever_was_renamed_while_their_roster_was_on_its_way_is_called_what_the_log_says(
    machines: Machines,
) -> None:
    one, two = (machines.add(session_seconds=5) for _ in range(2))
    ada, bob = one.member("ada"), two.member("bob")
    machines.settle()
    machines.holds = True
    ada.send(NickFrame(nick="cleo"))
    machines.log.take()
    machines.clock.now += LEASE
    one.work()
    roster = machines.log.on_its_way.pop()  # in which she is ada
    one.connection.deliver(99)
    machines.all.remove(one)
    machines.holds = False
    machines.advance(LEASE + 20)  # so that nobody knows her any more
    machines.all.append(one)
    machines.log.on_its_way.append(roster)
    machines.settle()
    assert [frame.nick for frame in ada.take_all(NickFrame)] == ["cleo", "ada"]
    assert nicks(ada) == nicks(bob) == ["ada", "bob"]


# --- accounts ------------------------------------------------------------------------------------


def test_two_devices_on_two_machines_are_one_person(machines: Machines) -> None:
    one, two = machines.add(KeyGate("ada", "bob")), machines.add(KeyGate("ada", "bob"))
    bob = one.member("bob", key=key_of("bob", "d1"))
    phone, laptop = one.member("ada", key=key_of("ada", "d1")), two.member("ada", key=key_of("ada", "d2"))
    machines.settle()
    frames = bob.take_all(Presence)
    assert (joined(frames), left(frames)) == (["ada", "bob"], [])
    assert nicks(bob) == nicks(laptop) == ["ada", "bob"]
    phone.send(NickFrame(nick="ada-away"))
    machines.settle()
    assert [frame.nick for frame in laptop.take_all(NickFrame)] == ["ada-away"]
    phone.lose()
    machines.settle()
    assert left(bob.take_all(Presence)) == []
    assert nicks(bob) == ["ada-away", "bob"]
    laptop.lose()
    machines.settle()
    assert left(bob.take_all(Presence)) == ["ada-away"]
    assert one.hello("ada", key=key_of("ada", "d1")).one(Welcome).nick == "ada-away"


def test_sessions_of_an_account_are_counted_on_all_machines(machines: Machines) -> None:
    one, two = (machines.add(KeyGate("ada"), sessions_per_account=2) for _ in range(2))
    one.live("ada", key=key_of("ada", "d1"))
    two.live("ada", key=key_of("ada", "d2"))
    assert two.hello("ada", key=key_of("ada", "d3")).error().code == "limit_exceeded"


def test_a_kick_puts_out_on_all_machines(machines: Machines) -> None:
    one, two = machines.add(KeyGate("ada")), machines.add(KeyGate("ada"))
    phone, laptop = one.member("ada", key=key_of("ada", "d1")), two.member("ada", key=key_of("ada", "d2"))
    machines.settle()
    one.hub.expel("ADA", "Lobby")
    machines.run()
    assert phone.one(Left).reason == laptop.one(Left).reason == "expelled"
    laptop.send(Join(room=LOBBY))
    machines.settle()
    assert laptop.take_all(Left) == []


def test_a_room_that_is_removed_puts_everybody_out_on_all_machines(pair: tuple[Machine, Machine]) -> None:
    one, two = pair
    ada, bob = one.member("ada"), two.member("bob")
    one.machines.settle()
    one.hub.remove_room("Lobby")
    one.machines.run()
    assert ada.one(Left).reason == bob.one(Left).reason == "expelled"
    bob.send(Join(room=LOBBY))
    one.machines.settle()
    assert bob.take_all(Left) == []


def test_whoever_is_away_and_may_not_come_back_is_forgotten_by_all(machines: Machines) -> None:
    gates = KeyGate("ada"), KeyGate("ada")
    one, two = (machines.add(gate) for gate in gates)
    ada = one.live("ada", key=key_of("ada", "d1"))
    ada.lose()
    assert len(one.directory.away()) == 1
    gates[0].revoke("ada", "d1")
    one.hub.revise()
    machines.run()
    assert one.directory.away() == []
    assert two.directory._running[1].state.identities == {}  # type: ignore[union-attr]


# --- machines that are gone ----------------------------------------------------------------------


def test_a_machine_that_dies_leaves_rooms_and_its_nicks_wait(
    machines: Machines, pair: tuple[Machine, Machine]
) -> None:
    one, two = pair
    ada, bob = one.member("ada"), two.member("bob")
    machines.settle()
    bob.take()
    machines.all.remove(one)
    machines.advance(LEASE - 1)
    assert left(bob.take_all(Presence)) == []
    machines.advance(8)
    assert left(bob.take_all(Presence)) == ["ada"]
    assert two.hello("ada").error().code == "nick_taken"
    assert two.hello("ada", session=ada.secret).one(Welcome).nick == "ada"


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_a_machine_that_is_cut_off_lets_nobody_in_and_has_its_people_again_after(
    machines: Machines, pair: tuple[Machine, Machine]
) -> None:
    one, two = pair
    ada, dora, bob = one.member("ada"), one.member("dora"), two.member("bob")
    machines.settle()
    one.connection.cut()
    machines.advance(LEASE + 8)
    refused = one.hello("eve").error()
    assert (refused.code, refused.retry_after) == ("unavailable", 1.0)
    assert nicks(bob) == ["bob"]
    moved = two.hello("ada", session=ada.secret)
    assert moved.one(Welcome).nick == "ada"
    assert ada.take_all(Closing) == []  # it does not know
    dora.send(Who(room=LOBBY))
    assert "bob" in dora.one(Members).nicks
    one.connection.open()
    machines.settle()
    assert ada.one(Closing).reason == "taken_over"
    assert nicks(bob) == nicks(dora) == ["bob", "dora"]
    one.live("eve")


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_an_account_that_was_let_in_again_elsewhere_is_told_to_reconnect(machines: Machines) -> None:
    one, two = (machines.add(KeyGate("ada"), session_seconds=5) for _ in range(2))
    phone = one.live("ada", key=key_of("ada", "d1"))
    one.connection.cut()
    machines.advance(LEASE + 12)
    two.live("ada", key=key_of("ada", "d2"))
    one.connection.open()
    machines.settle()
    assert phone.one(Closing).reason == "drain"


def test_a_session_that_leaves_before_its_answer_comes_has_no_seat_in_the_end(
    machines: Machines, pair: tuple[Machine, Machine]
) -> None:
    one, two = pair
    one.connection.cut()
    ada = one.connect()
    ada.send(Hello(protocol=1, nick="ada"))
    ada.lose()
    one.connection.open()
    machines.advance(2)
    two.live("ada")


def test_reservations_of_one_address_are_bounded(machines: Machines) -> None:
    one, two = (machines.add(reserved_nicks_per_address=2) for _ in range(2))
    for nick in ("ada", "bob", "cleo"):
        one.live(nick).lose()
    two.live("ada")
    assert two.hello("cleo").error().code == "nick_taken"


@pytest.mark.logs("directory.failed")
def test_a_bug_costs_one_answer(
    machines: Machines, pair: tuple[Machine, Machine], caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = pair
    answers: list[object] = []

    def fail(result: object) -> None:
        raise ZeroDivisionError

    with one.hub.lock:
        one.directory._say(Rename("0" * 32, "ada", False), fail)
        one.directory._say(Rename("0" * 32, "ada", False), answers.append)
    machines.run()
    assert answers == [None]
    assert "the directory failed" in caplog.text
    one.live("bob")


@pytest.mark.parametrize(
    "limits",
    [
        Limits(rooms_per_session=None, rooms=None),
        Limits(rooms_per_session=None, rooms=ROW_ROOMS + 1),
        Limits(rooms_per_session=ROW_ROOMS + 1, rooms=None),
    ],
    ids=["no limits", "of rooms", "of a session"],
)
def test_nobody_may_be_in_more_rooms_than_an_entry_of_the_log_has_space_for(limits: Limits) -> None:
    log = FaultyLog(Random(1), lambda: 0.0)
    with pytest.raises(UsageError, match="at most 30000 for rooms_per_session, or for rooms"):
        SharedDirectory(log.connect(), limits)
    SharedDirectory(log.connect(), limits.model_copy(update={"rooms": ROW_ROOMS}))
