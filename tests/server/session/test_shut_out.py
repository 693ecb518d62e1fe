"""Whoever may not read a room reads nothing of it: by no way in, and not from the moment when that ends."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Error,
    Hello,
    History,
    Join,
    Joined,
    Left,
    Members,
    Message,
    NickFrame,
    Page,
    Ping,
    Position,
    Post,
    Presence,
    RoomList,
    Rooms,
    Who,
)
from tests.server.driver import Clock, Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate, LateHeads
from tests.server.leftovers import left_in, waits_in
from tests.server.plain_login import login
from tests.server.waiting_journal import WaitingJournal

ADA, BOB, LAPTOP = key_of("ada"), key_of("bob"), key_of("bob", "laptop")

SECRET = b"secret"
"""What every text and every nick of the room has in it."""

HELLO = Hello(protocol=1, nick="bob", key=BOB)


# --- every step, and every way to be put out -------------------------------------------------------


class Scene:
    """Bob and a room that holds secrets. ``finish`` lets arrive what is on its way."""

    def __init__(
        self,
        gate: KeyGate | None = None,
        *,
        late: tuple[str, ...] = (),
        heads: bool = False,
        **limits: Any,
    ) -> None:
        clock = Clock()
        self.gate = gate or KeyGate("bob", "secretada")
        self.heads = LateHeads(clock, late=False)
        self.journal = WaitingJournal(MemoryJournal(clock=clock))
        journal: Journal = self.heads if heads else self.journal
        directory = partial(LateDirectory, late=late, hasty=True)
        self.host = Host(journal, clock=clock, gate=self.gate, directory=directory, **limits)
        if heads:
            self.host.hub.post("lobby", "secretada", "secret")
            self.heads._late = True
        else:
            self.journal.store(*["secret"] * 5)
        self.bob = self.host.connect()

    def enter(self, *frames: ClientFrame) -> None:
        """Let bob say hello, and more."""
        self.bob.send(HELLO, *frames)

    def finish(self) -> None:
        """Let everything arrive, and time pass."""
        for _ in range(3):
            if isinstance(self.gate, LateGate):
                self.gate.work()
            directory = self.host.hub.directory
            assert isinstance(directory, LateDirectory)
            directory.work(self.host.hub)
            self.heads.work()
            self.journal.held, self.journal.answered = set(), set()
            self.journal.ask()
            self.journal.answer()
            self.host.pump()
        self.bob.window = None
        if not self.bob.closed:
            self.bob.drain()
        self.host.hub.post("lobby", "secretada", "secret, and new")
        self.host.settle()
        self.host.pump()


def hello_at_the_gate() -> Scene:
    scene = Scene(LateGate("bob", "secretada", hasty=True))
    scene.enter(Join(room="lobby", history=9), History(room="lobby"), Who(room="lobby"))
    return scene


def hello_at_the_directory() -> Scene:
    scene = Scene(late=("claim",))
    scene.enter(Join(room="lobby", history=9), History(room="lobby"), Who(room="lobby"))
    return scene


def join_while_the_room_is_loaded() -> Scene:
    scene = Scene(heads=True)
    scene.enter(Join(room="lobby", history=9), History(room="lobby"))
    return scene


def join_at_the_directory() -> Scene:
    scene = Scene(late=("enter",))
    scene.enter(Join(room="lobby", history=9), History(room="lobby"))
    return scene


def join_with_history_before_the_journal_is_asked() -> Scene:
    scene = Scene()
    scene.journal.held = {"seek"}
    scene.enter(Join(room="lobby", history=3))
    return scene


def join_with_history_on_its_way() -> Scene:
    scene = Scene()
    scene.journal.answered = {"seek"}
    scene.enter(Join(room="lobby", history=3))
    return scene


def join_after_a_position_that_is_looked_up() -> Scene:
    scene = Scene()
    scene.journal.answered = {"reach"}
    scene.enter(Join(room="lobby", after=Position(epoch=epoch_of(scene), seq=9)))
    return scene


def catch_up_on_its_way() -> Scene:
    scene = Scene()
    scene.journal.answered = {"read"}
    scene.enter(Join(room="lobby", after=Position(epoch=epoch_of(scene), seq=0)))
    assert len(scene.bob.take_all(Joined)) == 1
    assert "read" in scene.journal.asked
    return scene


def page_on_its_way() -> Scene:
    scene = Scene()
    scene.journal.answered = {"read"}
    scene.enter(Join(room="lobby"), History(room="lobby"))
    assert "read" in scene.journal.asked
    return scene


def page_that_waits_for_its_turn() -> Scene:
    scene = Scene()
    scene.journal.held = {"read"}
    scene.enter(Join(room="lobby"), History(room="lobby"), History(room="lobby", token="2"))
    return scene


def members_that_wait_for_presence() -> Scene:
    scene = Scene()
    scene.enter(Join(room="lobby"))
    scene.host.settle()
    scene.host.member("secretada", key=key_of("secretada"))
    scene.bob.send(Who(room="lobby"))
    return scene


def messages_behind_a_full_socket() -> Scene:
    scene = Scene()
    scene.enter(Join(room="lobby"))
    scene.bob.window = 0
    scene.bob.send(Ping())
    ada = scene.host.member("secretada", key=key_of("secretada"))
    ada.post("secret 1", "secret 2")
    scene.bob.send(History(room="lobby"), Who(room="lobby"))
    return scene


def nick_behind_a_full_socket() -> Scene:
    scene = Scene()
    scene.enter(Join(room="lobby"))
    scene.host.settle()
    scene.bob.window = 0
    scene.bob.send(Ping())
    ada = scene.host.member("secretada", key=key_of("secretada"))
    ada.send(NickFrame(nick="secretada-x"))
    scene.host.settle()
    return scene


def epoch_of(scene: Scene) -> str:
    """Return the epoch of the log."""
    return scene.journal.stored().epoch


BEFORE_THE_ROOM = [
    hello_at_the_gate,
    hello_at_the_directory,
    join_while_the_room_is_loaded,
    join_at_the_directory,
]

IN_THE_ROOM = [
    join_with_history_before_the_journal_is_asked,
    join_with_history_on_its_way,
    join_after_a_position_that_is_looked_up,
    catch_up_on_its_way,
    page_on_its_way,
    page_that_waits_for_its_turn,
    members_that_wait_for_presence,
    messages_behind_a_full_socket,
    nick_behind_a_full_socket,
]


@dataclass(frozen=True)
class Way:
    """A way to be put out: how, and how the connection ends, if it does."""

    how: Callable[[KeyGate], None]
    closing: str | None = None


WAYS = {
    "kicked": Way(lambda gate: gate.expel("bob", "lobby")),
    "the room is closed": Way(lambda gate: gate.make_private("lobby", "secretada")),
    "banned from the room": Way(lambda gate: gate.forbid("bob", "lobby")),
    "banned": Way(lambda gate: gate.ban("bob"), "banned"),
    "banned by address": Way(lambda gate: gate.ban_address("192.0.2.1"), "banned"),
    "key revoked": Way(lambda gate: gate.revoke("bob"), "revoked"),
    "account removed": Way(lambda gate: gate.remove("bob"), "revoked"),
}


@pytest.mark.parametrize(
    ("step", "way"),
    [
        pytest.param(step, way, id=f"{step.__name__}-{name}")
        for step in (*BEFORE_THE_ROOM, *IN_THE_ROOM)
        for name, way in WAYS.items()
        if step in IN_THE_ROOM or name != "kicked"  # nobody is kicked out of a room before they are in it
    ],
)
def test_nothing_of_the_room_comes_after_that(step: Callable[[], Scene], way: Way) -> None:
    scene = step()
    bob = scene.bob
    bob.take()
    handed_over = bob.received + bob.unsent
    way.how(scene.gate)
    scene.host.pump()
    scene.finish()
    later = bob.received[len(handed_over) :]
    assert SECRET not in later.lower()
    frames = bob.take()
    assert not [frame for frame in frames if isinstance(frame, Joined | Message | Page | Members | Presence)]
    closing = [frame.reason for frame in frames if isinstance(frame, Closing)]
    is_in = step not in (hello_at_the_gate, hello_at_the_directory)
    assert closing == [way.closing] * (is_in and way.closing is not None)
    assert bob.ended == (way.closing is not None)
    if step in IN_THE_ROOM and way.closing is None:
        assert [frame.reason for frame in frames if isinstance(frame, Left)] == ["expelled"]
    elif way.closing is None:
        assert "forbidden" in [frame.code for frame in frames if isinstance(frame, Error)]
    assert waits_in(bob.session) == {}
    for peer in scene.host.peers.values():
        peer.lose()
    assert left_in(scene.host) == {}


@pytest.mark.parametrize("step", IN_THE_ROOM, ids=lambda step: step.__name__)
def test_each_step_shows_something_to_whoever_may_stay(step: Callable[[], Scene]) -> None:
    scene = step()
    handed_over = scene.bob.received + scene.bob.unsent
    scene.host.hub.revise()
    scene.finish()
    assert SECRET in scene.bob.received[len(handed_over) :].lower()


def test_questions_that_were_asked_before_are_answered_with_not_joined() -> None:
    scene = page_on_its_way()
    scene.bob.send(Who(room="lobby"), History(room="lobby", token="2"))
    scene.gate.expel("bob", "lobby")
    scene.host.pump()
    scene.bob.take()
    scene.finish()
    assert [error.code for error in scene.bob.take_all(Error)] == ["not_joined"] * 3


# --- every way in --------------------------------------------------------------------------------


def private() -> tuple[KeyGate, Host]:
    """Return a host with a private room that holds secrets, and somebody in it."""
    gate = KeyGate("ada", "bob")
    clock = Clock()
    host = Host(MemoryJournal(clock=clock), clock=clock, gate=gate)
    gate.make_private("lobby", "ada")
    ada = host.member("ada", key=ADA)
    ada.post("secret 1", "secret 2", room="lobby")
    host.settle()
    return gate, host


OUTSIDE: list[ClientFrame] = [
    Join(room="lobby"),
    Join(room="LOBBY"),
    Join(room="lobby", history=9),
    Join(room="lobby", after=Position(epoch="e", seq=0)),
    Join(room="lobby", after=Position(epoch="e", seq=0), history=9),
    History(room="lobby"),
    History(room="Lobby", after=0),
    Who(room="lobby"),
    Post(room="lobby", id="1", text="let me in"),
]


@pytest.mark.parametrize("key", [BOB, None])
@pytest.mark.parametrize("frame", OUTSIDE, ids=lambda frame: repr(frame)[:60])
def test_a_private_room_is_closed_to_everybody_outside(frame: ClientFrame, key: str | None) -> None:
    _, host = private()
    peer = host.live("bob" if key else "zoe", key=key)
    peer.send(frame, Rooms(), Rooms(prefix="lob"))
    host.settle()
    assert SECRET not in peer.received
    (error,) = peer.take_all(Error)
    assert error.code == ("forbidden" if isinstance(frame, Join) else "not_joined")
    assert [page.rooms for page in peer.take_all(RoomList)] == [(), ()]
    assert peer.take() == []
    assert host.hub.statistics().messages == 2


def test_whoever_is_inside_sees_that_it_is_private_and_whoever_is_admitted_comes_in() -> None:
    gate, host = private()
    bob = host.live("bob", key=BOB)
    bob.send(Join(room="lobby"))
    assert bob.error().code == "forbidden"
    gate.admit("bob", "lobby")
    bob.send(Join(room="lobby", history=9), Rooms())
    assert bob.texts() == ["secret 1", "secret 2"]
    ((entry,),) = [page.rooms for page in bob.take_all(RoomList)]
    assert (entry.room, entry.private) == ("lobby", True)


def test_a_resume_with_the_secret_of_the_session_does_not_lead_back_into_the_room() -> None:
    gate, host = private()
    gate.admit("bob", "lobby")
    bob = host.member("bob", key=BOB)
    epoch = bob.one(Joined).epoch
    bob.lose()
    gate.make_private("lobby", "ada")
    again = host.live("bob", key=BOB, session=bob.secret)
    again.send(Join(room="lobby", after=Position(epoch=epoch, seq=0)), History(room="lobby"))
    assert [error.code for error in again.take_all(Error)] == ["forbidden", "not_joined"]
    assert SECRET not in again.received


@pytest.mark.parametrize("how", ["ban", "revoke", "remove"])
def test_the_secret_of_whoever_was_put_out_proves_nothing_any_more(how: str) -> None:
    gate, host = private()
    bob = host.member("bob", "garden", key=BOB)
    bob.lose()
    getattr(gate, how)("bob")
    again = host.hello("bob", key=BOB, session=bob.secret)
    assert again.error().code == ("forbidden" if how == "ban" else "unauthorized")
    assert again.ended
    stranger = host.hello("bob", session=bob.secret)
    assert stranger.error().code == "forbidden"


def test_all_devices_and_the_plain_ones_are_shut_out_together() -> None:
    gate, host = private()
    gate.admit("bob", "lobby")
    gate.ask_for_keys()
    phone, laptop = host.member("bob", key=BOB), host.member("bob-x", key=LAPTOP)
    nc = host.connect(plain)
    nc.feed(login(BOB))
    nc.lines()
    gate.make_private("lobby", "ada")
    host.pump()
    before = [peer.received for peer in (phone, laptop, nc)]
    host.hub.post("lobby", "ada", "secret")
    host.settle()
    nc.feed(b"/who\nhello\n")
    phone.send(Post(room="lobby", id="9", text="hello"))
    for peer, received in zip((phone, laptop, nc), before, strict=True):
        assert SECRET not in peer.received[len(received) :]
    assert all(line.startswith("* ") for line in nc.lines())
    late = host.connect(plain)
    late.feed(login(BOB) + b"hello\n/who\n")
    assert SECRET not in late.received
    assert host.hub.statistics().messages == 3


def test_a_nick_of_somebody_inside_reaches_nobody_outside() -> None:
    gate, host = private()
    gate.admit("bob", "lobby")
    bob, zoe = host.member("bob", key=BOB), host.member("zoe", "garden")
    host.settle()
    zoe.take()
    bob.send(NickFrame(nick="bob-secret"))
    host.settle()
    assert zoe.take() == []


def test_a_list_of_rooms_that_is_on_its_way_shows_no_room_that_was_closed_meanwhile() -> None:
    scene = Scene()
    scene.journal.answered = {"rooms"}
    scene.enter(Rooms())
    scene.bob.take()
    scene.gate.make_private("lobby", "secretada")
    scene.finish()
    ((),) = [page.rooms for page in scene.bob.take_all(RoomList)]


@pytest.mark.parametrize("how", ["ban", "revoke"])
def test_a_list_of_rooms_that_is_on_its_way_shows_nothing_private_to_whoever_was_put_out(how: str) -> None:
    scene = Scene()
    scene.gate.make_private("lobby", "bob")
    scene.journal.answered = {"rooms"}
    scene.enter(Rooms())
    getattr(scene.gate, how)("bob")
    scene.finish()
    assert scene.bob.ended
    assert b"lobby" not in scene.bob.received


def test_whoever_comes_back_after_a_kick_from_a_public_room_misses_nothing() -> None:
    gate = KeyGate("ada", "bob")
    host = Host(gate=gate)
    bob = host.member("bob", key=BOB)
    epoch = bob.one(Joined).epoch
    gate.expel("bob", "lobby")
    host.hub.post("lobby", "ada", "meanwhile")
    host.pump()
    assert bob.texts() == []
    bob.send(Join(room="lobby", after=Position(epoch=epoch, seq=0)))
    assert bob.texts() == ["meanwhile"]
