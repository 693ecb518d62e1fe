"""What is answered later: whoever answers, and whatever has happened meanwhile.

That is `hello`, `nick`, `join`, `moderate` and `invite`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pytest

from chatcore.gate import Claim, Person, Refusal
from chatcore.journal import Head, Unavailable
from chatcore.server.hub import Hub
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Error,
    Frame,
    Hello,
    Invite,
    Invited,
    Join,
    Joined,
    Moderate,
    Moderated,
    NickFrame,
    Welcome,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate, LateHeads
from tests.server.leftovers import left_in, waits_in

KEY = key_of("ada")
HELLO = Hello(protocol=1, nick="ada", key=KEY)
NO = Refusal("limit_exceeded", "not today", 7.0)


@dataclass
class Answerer:
    """Whoever is asked: a gate, a directory or a journal, which answers when it is told to."""

    asks: ClientFrame
    answered: type[Frame]
    gate: KeyGate
    directory: partial[LateDirectory]
    journal: LateHeads
    work: Callable[[Hub, int], None]
    refuse: Callable[[Hub], None]

    def host(self) -> Host:
        """Return a host that has it."""
        clock = Clock()
        return Host(self.journal, clock=clock, gate=self.gate, directory=self.directory)


def directory_of(hub: Hub) -> LateDirectory:
    assert isinstance(hub.directory, LateDirectory)
    return hub.directory


def by_directory(frame: ClientFrame, answered: type[Frame], late: str) -> Answerer:
    journal = LateHeads(Clock(), late=False)
    return Answerer(
        frame,
        answered,
        KeyGate("ada"),
        partial(LateDirectory, late=(late,)),
        journal,
        lambda hub, times: directory_of(hub).work(hub, times),
        lambda hub: directory_of(hub).refuse(hub, NO),
    )


def hello_by_gate() -> Answerer:
    return by_gate(HELLO, Welcome, "enter")


def hello_by_directory() -> Answerer:
    return by_directory(HELLO, Welcome, "claim")


def nick_by_directory() -> Answerer:
    return by_directory(NickFrame(nick="ada-x", token="t"), NickFrame, "rename")


def join_by_directory() -> Answerer:
    return by_directory(Join(room="lobby"), Joined, "enter")


def join_by_journal() -> Answerer:
    journal = LateHeads(Clock())
    prompt = by_directory(Join(room="lobby"), Joined, "nothing")

    def refuse(hub: Hub) -> None:
        journal.answer(Unavailable(7.0))

    return replace(prompt, journal=journal, work=lambda _, times: journal.work(times), refuse=refuse)


def by_gate(frame: ClientFrame, answered: type[Frame], late: str) -> Answerer:
    gate = LateGate("ada", late=(late,))
    prompt = by_directory(frame, answered, "nothing")
    return replace(
        prompt, gate=gate, work=lambda _, times: gate.work(times), refuse=lambda _: gate.refuse(NO)
    )


def moderate_by_gate() -> Answerer:
    return by_gate(Moderate(act="close", room="attic", token="t"), Moderated, "moderate")


def invite_by_gate() -> Answerer:
    return by_gate(Invite(token="t"), Invited, "invite_device")


EVERYBODY = [
    hello_by_gate,
    hello_by_directory,
    nick_by_directory,
    join_by_directory,
    join_by_journal,
    moderate_by_gate,
    invite_by_gate,
]
each_one = pytest.mark.parametrize("make", EVERYBODY, ids=lambda make: make.__name__)
once_live = pytest.mark.parametrize("make", EVERYBODY[2:], ids=lambda make: make.__name__)


def ask(answerer: Answerer) -> tuple[Host, Peer]:
    """Let a peer ask what is not answered yet."""
    host = answerer.host()
    ada = host.connect() if answerer.asks is HELLO else host.live("ada", key=KEY)
    ada.send(answerer.asks)
    assert ada.take() == []
    return host, ada


def work(answerer: Answerer, host: Host, times: int = 1) -> None:
    """Let it be answered."""
    answerer.work(host.hub, times)
    host.pump()


def rooms_inside(host: Host) -> list[str]:
    """Return the rooms that the directory has let seats into."""
    return [room for _, room in directory_of(host.hub).inside]


def nothing_is_left(host: Host) -> bool:
    """End all connections; return whether nothing is left of them."""
    for peer in host.peers.values():
        peer.lose()
    if isinstance(host.hub.directory, LateDirectory):
        assert rooms_inside(host) == []
    assert [waits_in(peer.session) for peer in host.peers.values()] == [{}] * len(host.peers)
    return left_in(host) == {}


# --- answers -------------------------------------------------------------------------------------


@each_one
def test_an_answer_may_come_later(make: Callable[[], Answerer]) -> None:
    answerer = make()
    host, ada = ask(answerer)
    work(answerer, host)
    assert [type(frame) for frame in ada.take()] == [answerer.answered]
    assert waits_in(ada.session) == {}
    assert not ada.ended
    assert nothing_is_left(host)


@each_one
def test_an_answer_may_come_from_another_thread(make: Callable[[], Answerer]) -> None:
    answerer = make()
    host, ada = ask(answerer)
    thread = threading.Thread(target=answerer.work, args=(host.hub, 1))
    thread.start()
    thread.join(10.0)
    assert host.wakes > 0
    host.pump()
    assert [type(frame) for frame in ada.take()] == [answerer.answered]
    assert nothing_is_left(host)


@each_one
def test_a_refusal_may_come_later(make: Callable[[], Answerer]) -> None:
    answerer = make()
    host, ada = ask(answerer)
    answerer.refuse(host.hub)
    host.pump()
    error = ada.error()
    by_journal = make is join_by_journal
    assert error.code == ("unavailable" if by_journal else "limit_exceeded")
    assert error.retry_after == 7.0
    assert error.id == getattr(answerer.asks, "token", None)
    assert error.room == getattr(answerer.asks, "room", None)
    assert ada.take() == []
    assert ada.ended == (answerer.asks is HELLO)
    assert waits_in(ada.session) == {}
    assert nothing_is_left(host)


@each_one
def test_the_first_of_two_answers_counts(make: Callable[[], Answerer]) -> None:
    answerer = make()
    host, ada = ask(answerer)
    work(answerer, host, times=2)
    assert [type(frame) for frame in ada.take() if type(frame) is answerer.answered] == [answerer.answered]
    ada.send(Join(room="garden"))
    work(answerer, host)
    assert "garden" in [joined.room for joined in ada.take_all(Joined)]
    assert ada.take_all(Error) == []
    identity = ada.session.identity
    assert identity is not None
    assert len(identity.seats) == 1
    assert nothing_is_left(host)


@pytest.mark.logs("gate.answered_twice")
@pytest.mark.parametrize("make", [hello_by_gate, moderate_by_gate, invite_by_gate])
def test_a_gate_that_answers_twice_is_logged(
    make: Callable[[], Answerer], caplog: pytest.LogCaptureFixture
) -> None:
    answerer = make()
    host, _ = ask(answerer)
    work(answerer, host, times=2)
    assert "answered twice" in caplog.text


# --- no answer -----------------------------------------------------------------------------------


@each_one
def test_without_an_answer_in_time_the_peer_is_refused_and_a_late_one_is_taken_back(
    make: Callable[[], Answerer],
) -> None:
    answerer = make()
    host, ada = ask(answerer)
    seconds = 10.0 if answerer.asks is HELLO else 5.0
    host.advance(seconds - 0.1)
    assert ada.take() == []
    host.advance(0.1)
    error = ada.error()
    assert (error.code, error.retry_after) == ("unavailable", 1.0)
    assert error.id == getattr(answerer.asks, "token", None)
    assert [frame.reason for frame in ada.take_all(Closing)] == ["timeout"] * (answerer.asks is HELLO)
    assert waits_in(ada.session) == {}
    work(answerer, host)
    assert ada.take_all(answerer.answered) == [NickFrame(nick="ada-x")] * (answerer.answered is NickFrame)
    assert ada.ended == (answerer.asks is HELLO)
    assert not host.hub.rooms
    assert directory_of(host.hub).inside == set()
    assert nothing_is_left(host)


def test_without_a_limit_a_hello_waits_for_its_answer() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate, handshake_seconds=None)
    ada = host.hello("ada", key=KEY)
    host.advance(1_000.0)
    gate.work()
    host.pump()
    assert ada.one(Welcome).nick == "ada"


@each_one
@pytest.mark.parametrize("end", ["lost", "drain", "closed"])
def test_an_answer_for_a_peer_that_has_gone_is_taken_back(
    make: Callable[[], Answerer], end: Literal["lost", "drain", "closed"]
) -> None:
    answerer = make()
    host, ada = ask(answerer)
    if end == "lost":
        ada.lose()
    elif end == "closed":
        host.endpoint.close()
    else:
        host.endpoint.drain()
        host.pump()
        refused = [] if answerer.asks is HELLO else ["unavailable"]
        assert [error.code for error in ada.take_all(Error)] == refused
        assert ada.one(Closing).reason == "drain"
    ada.take()
    work(answerer, host)
    assert ada.take() == []
    assert not host.hub.rooms
    assert nothing_is_left(host)


@once_live
def test_an_answer_for_a_peer_that_was_taken_over_is_the_next_ones_nick_or_taken_back(
    make: Callable[[], Answerer],
) -> None:
    answerer = make()
    host, old = ask(answerer)
    new = host.live("ada", key=KEY, session=old.secret)
    assert (old.error().code, old.one(Closing).reason) == ("unavailable", "taken_over")
    work(answerer, host)
    assert old.take() == []
    told = [NickFrame(nick="ada-x")] * (answerer.answered is NickFrame)
    assert new.take() == told + [Invited()] * (answerer.answered is Invited)
    assert not host.hub.rooms
    assert nothing_is_left(host)


def test_a_late_entry_of_a_session_that_was_taken_over_does_not_put_out_its_successor() -> None:
    answerer = join_by_directory()
    host, old = ask(answerer)
    new = host.live("ada", key=KEY, session=old.secret)
    new.send(Join(room="lobby"))
    work(answerer, host)
    assert new.one(Joined).count == 1
    assert rooms_inside(host) == ["lobby"]


def test_a_late_entry_does_not_undo_a_second_attempt() -> None:
    answerer = join_by_directory()
    host, ada = ask(answerer)
    host.advance(5.0)
    assert ada.error().code == "unavailable"
    ada.send(Join(room="lobby"))
    work(answerer, host)
    assert ada.one(Joined).count == 1
    assert rooms_inside(host) == ["lobby"]
    assert nothing_is_left(host)


def test_a_late_seat_is_reserved_for_a_peer_that_can_prove_that_it_is_its_own() -> None:
    for secret in (None, "s" * 32):
        answerer = hello_by_directory()
        host = answerer.host()
        ada = host.hello("ada", key=KEY, session=secret)
        ada.lose()
        work(answerer, host)
        assert host.is_free("ada") == (secret is None)


# --- those who raise -----------------------------------------------------------------------------


class Broken(KeyGate):
    """Raises before or after it has answered."""

    def __init__(self, when: Literal["before", "after"]) -> None:
        super().__init__("ada")
        self._when = when

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        if self._when == "after":
            super().enter(claim, answer)
        raise RuntimeError("the gate is broken")


def test_a_gate_that_raises_refuses_a_hello_as_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(gate=Broken("before"))
    ada = host.hello("ada", key=KEY)
    error = ada.error()
    assert (error.code, error.retry_after) == ("unavailable", 1.0)
    assert ada.ended
    assert "the gate is broken" in caplog.text
    assert nothing_is_left(host)


def test_a_gate_that_raises_after_it_has_answered_has_answered(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(gate=Broken("after"))
    ada = host.hello("ada", key=KEY)
    assert [type(frame) for frame in ada.take()] == [Welcome]
    assert not ada.ended
    assert "the gate is broken" in caplog.text


def test_a_gate_that_raises_when_it_is_asked_again_refuses_a_hello_as_unavailable() -> None:
    class Confused(KeyGate):
        def may_call(self, person: Person, nick: str) -> bool:
            raise RuntimeError("which nick?")

    host = Host(gate=Confused("ada"))
    assert host.hello("ada", key=KEY).error().code == "unavailable"
    assert nothing_is_left(host)


@pytest.mark.logs("directory.failed")
@pytest.mark.parametrize("frame", [HELLO, NickFrame(nick="ada-x"), Join(room="lobby")], ids=lambda f: f.type)
def test_a_directory_that_raises_refuses_as_unavailable(
    frame: ClientFrame, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(gate=KeyGate("ada"), directory=partial(LateDirectory, late=()))
    ada = host.connect() if frame is HELLO else host.live("ada", key=KEY)
    directory_of(host.hub).fail("before")
    ada.send(frame)
    error = ada.error()
    assert (error.code, error.retry_after) == ("unavailable", 1.0)
    assert ada.take() == []
    assert ada.ended == (frame is HELLO)
    assert "the directory is broken" in caplog.text
    assert waits_in(ada.session) == {}
    assert nothing_is_left(host)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("frame", [HELLO, NickFrame(nick="ada-x"), Join(room="lobby")], ids=lambda f: f.type)
def test_a_directory_that_raises_after_it_was_asked_or_has_answered_is_logged_and_counts_for_nothing_more(
    frame: ClientFrame, late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    names = {"hello": "claim", "nick": "rename", "join": "enter"}
    host = Host(
        gate=KeyGate("ada"), directory=partial(LateDirectory, late=(names[frame.type],) if late else ())
    )
    ada = host.connect() if frame is HELLO else host.live("ada", key=KEY)
    directory_of(host.hub).fail("after")
    ada.send(frame)
    assert "the directory is broken" in caplog.text
    got = [type(frame) for frame in ada.take()]
    assert got == ([Error] if late else [{"hello": Welcome, "nick": NickFrame, "join": Joined}[frame.type]])
    directory_of(host.hub).work(host.hub)
    host.pump()
    assert waits_in(ada.session) == {}
    assert nothing_is_left(host)


def test_a_head_of_another_room_s_epoch_is_no_answer() -> None:
    answerer = join_by_journal()
    host, ada = ask(answerer)
    answerer.journal.answer(Head("another", 3))
    host.pump()
    assert ada.take() == []
    host.advance(5.0)
    assert ada.error().code == "unavailable"
    assert nothing_is_left(host)
