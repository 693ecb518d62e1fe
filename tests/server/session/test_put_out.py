"""Who is put out of a room, or of the server, and what becomes of the others."""

from functools import partial

import pytest

from chatcore.gate import OpenGate, Watch
from chatcore.server.endpoint import SLICE
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    Ack,
    Closing,
    Frame,
    Hello,
    Join,
    Joined,
    Left,
    NickFrame,
    Presence,
    Welcome,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate, LateHeads
from tests.server.leftovers import left_in, waits_in
from tests.server.slow_journal import SlowJournal

PHONE, LAPTOP, DESK, BOB = key_of("ada"), key_of("ada", "laptop"), key_of("ada", "desk"), key_of("bob")

EXPELLED = Left(room="lobby", reason="expelled")


# --- out of a room -------------------------------------------------------------------------------


def test_an_expelled_account_leaves_the_room_with_all_its_sessions_and_stays_elsewhere() -> None:
    gate = KeyGate("ada", "bob")
    host = Host(gate=gate)
    phone, laptop, bot = (
        host.member(nick, key=key) for nick, key in (("ada", PHONE), ("ada", LAPTOP), ("ada-ci", DESK))
    )
    bob = host.member("bob", key=BOB)
    phone.send(Join(room="garden"))
    host.settle()
    bob.take()
    gate.expel("ada", "LOBBY")
    host.pump()
    for peer in (phone, laptop, bot):
        assert peer.take_all(Left) == [EXPELLED]
        assert not peer.ended
    assert phone.session.is_in("garden")
    host.settle()
    assert bob.take() == [Presence(room="lobby", left=("ada", "ada-ci"), count=1)]
    laptop.send(Join(room="lobby"))
    assert laptop.take_all(Joined)[-1].count == 2


def test_an_expulsion_answers_a_join_whose_history_is_on_its_way() -> None:
    gate, clock = KeyGate("ada"), Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock, gate=gate)
    ada = host.member("ada", key=PHONE, history=5)
    gate.expel("ada", "lobby")
    host.pump()
    journal.work()
    host.pump()
    host.settle()
    assert ada.take() == [EXPELLED]
    assert not host.hub.rooms


def test_an_expulsion_from_a_room_that_nobody_is_in_does_nothing() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    ada = host.live("ada", key=PHONE)
    gate.expel("ada", "lobby")
    host.pump()
    assert ada.take() == []


def test_posts_on_their_way_at_an_expulsion_are_stored_and_acknowledged() -> None:
    gate, clock = KeyGate("ada"), Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock, gate=gate)
    ada, bob = host.member("ada", key=PHONE), host.member("zoe")
    ada.post("last words")
    gate.expel("ada", "lobby")
    journal.work()
    host.pump()
    assert (ada.one(Ack).seq, ada.texts(), bob.texts()) == (1, [], ["last words"])
    ada.post("more", prefix="late")
    assert ada.error().code == "not_joined"


def test_whoever_may_not_be_in_a_room_any_more_is_put_out_of_it_and_kept_out() -> None:
    gate = KeyGate("ada", "bob")
    host = Host(gate=gate)
    ada, bob, zoe = host.member("ada", key=PHONE), host.member("bob", key=BOB), host.member("zoe")
    for account, room in (("ada", "lobby"), (None, "lobby"), ("bob", "garden")):
        gate.forbid(account, room)
    host.pump()
    assert ada.take_all(Left) == zoe.take_all(Left) == [EXPELLED]
    assert bob.take_all(Left) == []
    ada.send(Join(room="Lobby", history=1))
    error = ada.error()
    assert (error.code, error.room, error.retry_after) == ("forbidden", "lobby", None)
    assert host.hub.rooms["lobby"].count == 1


def test_a_room_that_may_not_be_entered_is_not_even_loaded() -> None:
    gate, clock = KeyGate("ada"), Clock()
    journal = LateHeads(clock)
    host = Host(journal, clock=clock, gate=gate)
    gate.forbid("ada", "lobby")
    ada = host.member("ada", key=PHONE)
    assert ada.error().code == "forbidden"
    assert journal.waiting == []


def test_a_room_that_is_closed_while_the_directory_is_asked_is_not_entered() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate, directory=partial(LateDirectory, late=("enter",)))
    directory = host.hub.directory
    assert isinstance(directory, LateDirectory)
    ada = host.member("ada", key=PHONE)
    gate.forbid("ada", "lobby")
    directory.work(host.hub)
    host.pump()
    assert ada.error().code == "forbidden"
    assert directory.inside == set()
    assert waits_in(ada.session) == {}


# --- out of the server ---------------------------------------------------------------------------


def test_a_banned_account_is_out_with_everything_that_was_kept_for_it() -> None:
    gate = KeyGate("ada", "bob")
    host = Host(gate=gate)
    phone, laptop, bob = (
        host.member(nick, key=key) for nick, key in (("ada", PHONE), ("ada", LAPTOP), ("bob", BOB))
    )
    away = host.live("ada-ci", key=DESK)
    away.lose()
    gate.ban("ada")
    host.pump()
    for peer in (phone, laptop):
        assert peer.take_all(Closing) == [Closing(reason="banned")]
        assert peer.ended
    assert [host.is_free(nick) for nick in ("ada", "ada-ci", "bob")] == [True, True, False]
    assert host.hello("ada", key=PHONE, session=phone.secret).error().code == "forbidden"
    bob.eof()
    assert left_in(host) == {}


def test_a_revoked_key_ends_its_sessions_and_their_secrets_and_no_others() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    phone, laptop, zoe = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP), host.member("zoe")
    phone.send(NickFrame(nick="ada-x"))
    host.settle()
    zoe.take()
    gate.revoke("ada")
    host.pump()
    assert phone.take_all(Closing) == [Closing(reason="revoked")]
    assert not laptop.ended
    host.settle()
    assert zoe.take() == []
    desk = host.live("ada", key=DESK, session=phone.secret)  # adopted, and not that of a seat
    assert desk.session.nick == "ada-x"
    assert desk.session.identity is laptop.session.identity


def test_a_key_that_was_taken_over_from_is_not_that_of_the_session_any_more() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    phone = host.live("ada", key=PHONE)
    laptop = host.live("ada", key=LAPTOP, session=phone.secret)
    gate.revoke("ada", "phone")
    host.pump()
    assert not laptop.ended
    gate.revoke("ada", "laptop")
    host.pump()
    assert laptop.take_all(Closing) == [Closing(reason="revoked")]


def test_the_only_session_of_a_revoked_key_in_a_room_is_told_to_have_left() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    zoe = host.member("zoe")
    host.member("ada", key=PHONE)
    host.live("ada", key=LAPTOP)
    host.settle()
    zoe.take()
    gate.revoke("ada", "phone")
    host.settle()
    assert zoe.take() == [Presence(room="lobby", left=("ada",), count=1)]


def test_a_removed_account_is_out_and_its_nicks_are_given_to_nobody() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    phone, away = host.live("ada", key=PHONE), host.live("ada-ci", key=LAPTOP)
    away.lose()
    gate.remove("ada")
    host.pump()
    assert phone.take_all(Closing) == [Closing(reason="revoked")]
    assert host.hello("ada", key=PHONE).error().code == "unauthorized"
    assert [host.hello(nick).error().code for nick in ("ada", "ada-ci")] == ["forbidden", "forbidden"]


@pytest.mark.parametrize("kept", [False, True], ids=["live", "reserved"])
def test_an_account_that_is_made_gets_its_name_from_whoever_has_it(kept: bool) -> None:
    gate = KeyGate()
    host = Host(gate=gate)
    holder = host.live("ada")
    if kept:
        holder.lose()
    gate.add("ada")
    host.pump()
    assert holder.take_all(Closing) == ([] if kept else [Closing(reason="revoked")])
    assert host.live("ada", key=PHONE).session.nick == "ada"


def test_a_guest_with_an_account_has_several_devices_and_nobody_without_one_has() -> None:
    host = Host(gate=KeyGate("ada"))
    assert host.live("ada", key=PHONE).session.identity is host.live("ada", key=LAPTOP).session.identity
    zoe = host.live("zoe")
    assert host.hello("zoe").error().code == "nick_taken"
    again = host.live("zoe", session=zoe.secret)
    assert zoe.one(Closing).reason == "taken_over"
    assert again.session.identity is not None
    assert len(again.session.identity.seats) == 1


def test_a_session_that_is_ending_is_put_out_too() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate)
    zoe, ada = host.member("zoe"), host.member("ada", key=PHONE)
    ada.window = 0
    zoe.post("first", prefix="a")
    zoe.post("not for the banned", prefix="b")
    ada.eof()
    assert ada.session.members
    gate.ban("ada")
    host.pump()
    assert not ada.session.members
    ada.window = None
    ada.drain()
    assert (ada.texts(), ada.one(Closing).reason) == (["first"], "banned")
    assert host.is_free("ada")


def test_a_seat_that_was_decided_on_before_a_key_was_revoked_is_given_back() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate, directory=partial(LateDirectory, hasty=True))
    directory = host.hub.directory
    assert isinstance(directory, LateDirectory)
    ada = host.hello("ada", key=PHONE)
    gate.revoke("ada")
    directory.work(host.hub)
    host.pump()
    assert ada.error().code == "unauthorized"
    assert ada.take_all(Welcome) == []
    assert ada.ended
    ada.lose()
    assert left_in(host) == {}


def test_a_nick_that_was_taken_away_while_the_directory_was_asked_ends_the_session() -> None:
    gate = KeyGate()
    host = Host(gate=gate, directory=partial(LateDirectory, late=("rename",)))
    directory = host.hub.directory
    assert isinstance(directory, LateDirectory)
    zoe = host.live("zoe")
    zoe.send(NickFrame(nick="ada"))
    gate.add("ada")
    directory.work(host.hub)
    host.pump()
    assert zoe.take_all(Closing) == [Closing(reason="revoked")]
    assert host.live("ada", key=PHONE).session.nick == "ada"


def test_everybody_is_looked_at_in_slices_between_which_others_go_on() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate, connections=None, connections_per_address=None)
    first = host.live("ada", key=PHONE)
    for number in range(SLICE):
        host.connect(plain, port=number + 1)
    last = host.live("ada", key=PHONE)
    gate.revoke("ada")
    assert host.wakes == 2  # after each slice
    host.pump()
    assert [peer.one(Closing).reason for peer in (first, last)] == ["revoked", "revoked"]
    assert host.hub.rooms["lobby"].count == SLICE


def test_whoever_goes_between_two_slices_is_looked_at_as_one_who_is_away() -> None:
    class Breaking(Host):
        """Breaks connections when it is woken."""

        breaks: tuple[Peer, ...] = ()

        def _wake(self) -> None:
            super()._wake()
            peers, self.breaks = self.breaks, ()
            for peer in peers:
                peer.session.connection_lost()

    gate = KeyGate("ada")
    host = Breaking(gate=gate, connections=None, connections_per_address=None)
    host.live("ada", key=PHONE)
    for number in range(SLICE):
        host.connect(plain, port=number + 1)
    host.breaks = (host.live("ada-x", key=PHONE),)
    gate.revoke("ada")
    assert host.is_free("ada-x")


def test_those_who_are_away_are_looked_at_in_slices_and_whoever_is_back_is_left_alone() -> None:
    gate = KeyGate()
    host = Host(gate=gate, connections=None, connections_per_address=None, reserved_nicks_per_address=None)
    peers = [host.live(f"n{number}") for number in range(SLICE + 1)]
    for peer in peers:
        peer.lose()
    away = host.hub.directory.away()
    back = host.live("n1", session=peers[1].secret)
    gate._names |= {"n0": "n0", "n1": "n1", f"n{SLICE}": f"n{SLICE}"}
    host.hub.directory.revise(host.hub.gate, away)
    host.pump()
    assert back.take_all(Closing) == []
    assert [host.is_free(f"n{number}") for number in (0, 1, 2, SLICE)] == [True, False, False, True]
    host.hub.revise()
    host.pump()
    assert [closing.reason for closing in back.take_all(Closing)] == ["revoked"]
    assert host.is_free("n1")


def test_sessions_that_have_not_said_hello_and_those_that_are_over_are_left_alone() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    silent, asking, gone = host.connect(), host.hello("ada", key=PHONE), host.connect()
    gone.send(Hello(protocol=0, nick="x"))
    gone.take()
    gate.ban("ada")
    host.pump()
    frames: list[Frame] = silent.take() + asking.take() + gone.take()
    assert frames == []
    gate.work()
    host.pump()
    assert asking.error().code == "forbidden"


def test_a_hub_that_is_closed_closes_its_gate() -> None:
    gate = KeyGate()
    host = Host(gate=gate)
    host.hub.close()
    assert gate.is_closed


class OpenedJournal(SlowJournal):
    """Notes that it was closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_a_gate_that_does_not_start_leaves_no_open_journal() -> None:
    class Broken(OpenGate):
        def start(self, watch: Watch) -> None:
            raise RuntimeError("no")

    journal = OpenedJournal(Clock())
    with pytest.raises(RuntimeError):
        Host(journal, gate=Broken())
    assert journal.is_closed
