"""Joining and leaving rooms, asking who is there, and changing one's nick."""

import pytest

from tests.protocol.frames import (
    Ack,
    ClientFrame,
    Error,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    NickFrame,
    Post,
    Presence,
    Renamed,
    Who,
)
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal


def test_joined_gives_the_head_of_the_room_and_where_reading_starts() -> None:
    host = Host()
    host.member("ana").post("one", "two")
    bob = host.member("bob")
    joined = bob.one(Joined)
    assert (joined.room, joined.head, joined.after, joined.count) == ("lobby", 2, 2, 2)
    assert bob.texts() == []


def test_the_head_of_a_new_room_is_zero() -> None:
    joined = Host().member("ana", "garden").one(Joined)
    assert (joined.head, joined.after, joined.count) == (0, 0, 1)


def test_room_names_are_case_insensitive() -> None:
    host = Host()
    ana, bob = host.member("ana", "Garden"), host.member("bob", "gARDEN")
    assert bob.one(Joined).room == "garden"
    bob.send(Post(room="GARDEN", id="1", text="hi"))
    assert bob.one(Ack).room == "garden"
    assert ana.one(Message).room == "garden"
    bob.send(Leave(room="Garden"))
    assert bob.one(Left).room == "garden"


def test_joining_a_room_twice_is_refused() -> None:
    peer = Host().member("ana")
    peer.send(Join(room="LOBBY"))
    assert peer.error().code == "bad_state"
    assert peer.one(Joined).count == 1


def test_a_session_can_be_in_only_so_many_rooms() -> None:
    peer = Host(rooms_per_session=2).live("ana")
    peer.send(Join(room="a"), Join(room="b"), Join(room="c"))
    error = peer.error()
    assert (error.code, error.room) == ("limit_exceeded", "c")
    peer.send(Leave(room="a"), Join(room="c"))
    assert [joined.room for joined in peer.take_all(Joined)] == ["a", "b", "c"]


def test_joining_a_full_room_is_refused() -> None:
    host = Host(members_per_room=2)
    ana = host.member("ana")
    host.member("bob")
    cleo = host.member("cleo")
    assert cleo.error().code == "limit_exceeded"
    ana.send(Leave(room="lobby"))
    cleo.send(Join(room="lobby"))
    assert cleo.one(Joined).count == 2


def test_only_rooms_that_somebody_is_in_count() -> None:
    host = Host(rooms=2)
    ana = host.live("ana")
    ana.send(Join(room="a"), Join(room="b"), Join(room="c"))
    assert ana.error().code == "limit_exceeded"
    ana.send(Leave(room="a"), Join(room="c"))
    assert ana.take_all(Error) == []
    ana.post("hi", room="b")
    ana.send(Leave(room="b"), Join(room="d"))
    assert ana.take_all(Error) == []
    ana.send(Join(room="b"))
    assert ana.error().room == "b"


@pytest.mark.parametrize(
    "frame",
    [
        Leave(room="Lobby"),
        Who(room="Lobby"),
        History(room="Lobby", token="t"),
        Post(room="Lobby", id="t", text="hi"),
    ],
    ids=lambda frame: frame.type,
)
def test_a_request_to_a_room_that_was_not_joined_is_refused(frame: ClientFrame) -> None:
    host = Host()
    host.member("ana")
    peer = host.live("bob")
    peer.send(frame)
    error = peer.error()
    assert (error.code, error.room) == ("not_joined", "lobby")
    assert error.id == ("t" if isinstance(frame, Post | History) else None)
    assert peer.take() == []


def test_no_messages_arrive_after_left() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    bob.take()
    bob.send(Leave(room="lobby"))
    ana.post("are you there?")
    host.advance(1.0)
    assert bob.take() == [Left(room="lobby")]


def test_outstanding_acks_still_arrive_after_left() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("one", "two")
    ana.send(Leave(room="lobby"))
    assert ana.take_all(Left) == [Left(room="lobby")]
    journal.work()
    host.pump()
    assert [ack.id for ack in ana.take_all(Ack)] == ["id-1", "id-2"]
    assert ana.texts() == []


def test_the_answer_to_who_is_sorted_by_folded_nick() -> None:
    host = Host()
    for nick in ("bob", "Cleo", "ana"):
        host.member(nick)
    peer = host.member("Dan")
    host.settle()
    peer.send(Who(room="Lobby"))
    assert peer.one(Members) == Members(
        room="lobby", nicks=("ana", "bob", "Cleo", "Dan"), count=4, more=False
    )


def test_the_answer_to_who_waits_for_pending_presence() -> None:
    host = Host()
    ana = host.member("ana")
    host.settle()
    host.member("bob")
    ana.take()
    ana.send(Who(room="lobby"))
    assert ana.take() == []
    host.settle()
    assert ana.one(Presence) == Presence(room="lobby", joined=("bob",), count=2)
    assert ana.one(Members) == Members(room="lobby", nicks=("ana", "bob"), count=2, more=False)


def test_pages_of_who_are_cut_to_fit_a_line_and_continue_after_the_last_nick() -> None:
    host = Host(text_bytes=100, line_bytes=1_324)
    nicks = [f"{n:02}".rjust(32, "x") for n in range(20)]
    peers = [host.member(nick) for nick in nicks]
    host.settle()
    asker, got, after = peers[7], list[str](), None
    for _ in range(len(nicks)):
        asker.send(Who(room="lobby", after=after))
        members = asker.one(Members)
        got += members.nicks
        assert members.count == 20
        if not members.more:
            break
        after = members.nicks[-1]
    assert got == nicks
    assert max(map(len, asker.received.split(b"\n"))) < host.hub.limits.line_bytes


def test_a_page_of_who_holds_at_least_one_nick_on_the_shortest_line() -> None:
    host = Host(text_bytes=1, line_bytes=1_027)
    host.member("ana")
    bob = host.member("bob")
    host.settle()
    bob.send(Who(room="lobby"), Who(room="lobby", after="ana"))
    first, second = bob.take_all(Members)
    assert (first.nicks, first.more) == (("ana",), True)
    assert (second.nicks, second.more) == (("bob",), False)


def test_a_change_of_nick_is_confirmed_to_its_owner_and_reported_to_its_rooms() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    host.advance(1.0)
    bob.take()
    ana.send(NickFrame(nick="Anna"))
    assert ana.one(NickFrame).nick == "Anna"
    host.advance(1.0)
    assert bob.take() == [Presence(room="lobby", renamed=(Renamed(old="ana", new="Anna"),), count=2)]
    ana.post("hi")
    assert bob.one(Message).nick == "Anna"
    bob.send(Who(room="lobby"))
    assert bob.one(Members).nicks == ("Anna", "bob")


@pytest.mark.parametrize(
    ("nick", "code"), [("BOB", "nick_taken"), ("root", "bad_name"), ("4711", "bad_name")]
)
def test_a_change_to_a_taken_or_forbidden_nick_changes_nothing(nick: str, code: str) -> None:
    host = Host()
    ana = host.member("ana")
    host.member("bob")
    ana.send(NickFrame(nick=nick))
    assert ana.error().code == code
    assert ana.session.nick == "ana"
    assert not ana.ended


def test_the_old_nick_is_free_immediately_after_a_change() -> None:
    host = Host()
    host.live("ana").send(NickFrame(nick="anna"))
    assert host.live("ana").session.nick == "ana"
