"""What a directory decides late, or answers late: whatever has happened meanwhile, nobody is misled by it."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from chatcore.gate import Claim, OpenGate, Peer, Person, Refusal, Watch
from chatcore.limits import Limits
from chatcore.names import fold
from chatcore.server.directory import Claimed, LocalDirectory, Seat
from chatcore.server.pending import ANSWER_SECONDS
from tests.protocol.frames import (
    Closing,
    Error,
    Frame,
    Hello,
    Join,
    Joined,
    NickFrame,
    Ping,
    Pong,
    Presence,
    Welcome,
)
from tests.server.driver import Host
from tests.server.driver import Peer as Client

T = TypeVar("T")

KEY = "ada-".ljust(43, "k")


class OneAccount(OpenGate):
    """Knows the account ada, which has a key, and owns its name and all that begin with it."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.keys = {KEY}
        self.owns_names = True

    def start(self, watch: Watch) -> None:
        """Begin."""
        self.watch = watch

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Know somebody by the key."""
        answer(Person() if claim.key is None else Person("ada", key_id=claim.key))

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Strangers may stay, and those whose key is good."""
        if person.account is None or person.key_id in self.keys:
            return None
        return Refusal("unauthorized", "the key is not good")

    def may_call(self, person: Person, nick: str) -> bool:
        """Leave the account its names."""
        return not self.owns_names or fold(nick).startswith("ada") == (person.account is not None)

    def revoke(self) -> None:
        """Let no key be good any more."""
        self.keys.clear()
        self.revise()

    def take_names(self) -> None:
        """Let the account own its names from now on."""
        self.owns_names = True
        self.revise()

    def revise(self) -> None:
        """Have everybody looked at again."""
        assert self.watch is not None
        self.watch.revise()


class LateDirectory(LocalDirectory):
    """Holds back what it is asked for, or its answers; remembers who is in which room."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.holds_decisions = self.holds_answers = self.raises = False
        self.held: list[Callable[[], None]] = []
        self.entries: set[tuple[str, str]] = set()

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        """Decide about a claim."""
        self._do(lambda: super(LateDirectory, self).claim(claim, partial(self._answer, answer)))

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        """Decide about a nick."""
        own = partial(self._answer, answer)
        self._do(lambda: super(LateDirectory, self).rename(seat, nick, variant, own))

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        """Let everybody in."""
        self._do(lambda: self._enter(seat, room, answer))

    def leave(self, seat: Seat, room: str) -> None:
        """Note that somebody has left."""
        self.entries.discard((seat.identity.nick, room))

    def release(self, host: Host, index: int = 0) -> None:
        """Do one of the things that were held back."""
        with host.hub.lock:
            self.held.pop(index)()
        host.hub.follow_up()
        host.pump()

    def _enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        self.entries.add((seat.identity.nick, room))
        self._answer(answer, None)

    def _do(self, act: Callable[[], None]) -> None:
        if self.holds_decisions:
            self.held.append(act)
            return
        act()
        if self.raises:
            raise RuntimeError("after the answer")

    def _answer(self, answer: Callable[[T], None], value: T) -> None:
        if self.holds_answers:
            self.held.append(partial(answer, value))
        else:
            answer(value)


class Stage:
    """A host with that gate and that directory."""

    def __init__(self) -> None:
        self.gate = OneAccount()
        self.directories: list[LateDirectory] = []
        self.host = Host(gate=self.gate, directory=self._directory)
        [self.directory] = self.directories

    def _directory(self, limits: Limits) -> LateDirectory:
        self.directories.append(LateDirectory(limits))
        return self.directories[-1]

    def hello(self, nick: str = "ada", *, key: str | None = KEY, secret: str | None = None) -> Client:
        """Say hello on a new connection."""
        client = self.host.connect()
        client.send(Hello(protocol=1, nick=nick, key=key, session=secret))
        return client

    def device(self, secret: str | None = None) -> Client:
        """Return a device of the account that was let in."""
        client = self.hello(secret=secret)
        client.secret = client.one(Welcome).session
        return client

    def stranger(self, nick: str = "bob") -> Client:
        """Return somebody without an account that was let in."""
        client = self.hello(nick, key=None)
        client.secret = client.one(Welcome).session
        return client


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- hello ---------------------------------------------------------------------------------------


def test_a_device_that_waits_for_its_seat_learns_the_nick_of_now(stage: Stage) -> None:
    phone = stage.device()
    stage.directory.holds_answers = True
    laptop = stage.hello()
    stage.directory.holds_answers = False
    phone.send(NickFrame(nick="ada-2", token="n"))
    assert phone.one(NickFrame) == NickFrame(nick="ada-2", token="n")
    stage.directory.release(stage.host)
    assert laptop.one(Welcome).nick == "ada-2"


def test_a_key_that_is_revoked_while_the_seat_is_on_its_way_lets_nobody_in(stage: Stage) -> None:
    stage.directory.holds_answers = True
    phone = stage.hello(secret="s" * 32)
    stage.gate.revoke()
    stage.directory.release(stage.host)
    assert phone.error().code == "unauthorized"
    assert phone.ended
    assert stage.directory.is_free("ada")


def test_a_nick_that_is_taken_away_while_the_seat_is_on_its_way_is_free_for_its_owner(stage: Stage) -> None:
    stage.gate.owns_names = False
    stage.directory.holds_answers = True
    stranger = stage.hello(key=None, secret="s" * 32)
    stage.gate.take_names()
    stage.directory.holds_answers = False
    stage.directory.release(stage.host)
    assert stranger.error().code == "forbidden"
    assert stage.device().session.nick == "ada"


def test_a_seat_that_comes_after_its_key_was_revoked_and_its_session_has_ended_is_not_reserved(
    stage: Stage,
) -> None:
    stage.directory.holds_answers = True
    phone = stage.hello(secret="s" * 32)
    phone.lose()
    stage.gate.revoke()
    stage.directory.release(stage.host)
    assert stage.directory.is_free("ada")


# --- nick ----------------------------------------------------------------------------------------


def test_a_nick_that_was_refused_late_reaches_the_session_that_has_the_seat_by_then(stage: Stage) -> None:
    phone = stage.device()
    stage.directory.holds_decisions = True
    phone.send(NickFrame(nick="ada-2", token="n"))
    stage.directory.holds_decisions = False
    again = stage.device(phone.secret)
    stage.directory.release(stage.host)
    assert again.one(NickFrame) == NickFrame(nick="ada-2")
    assert phone.take_all(NickFrame) == []


def test_an_answer_that_is_older_than_the_nick_is_followed_by_the_nick(stage: Stage) -> None:
    phone, laptop = stage.device(), stage.device()
    stage.directory.holds_answers = True
    phone.send(NickFrame(nick="ada-2", token="n"))
    stage.directory.holds_answers = False
    laptop.send(NickFrame(nick="ada-3", token="n"))
    stage.directory.release(stage.host)
    assert phone.take_all(NickFrame)[-2:] == [NickFrame(nick="ada-2", token="n"), NickFrame(nick="ada-3")]
    assert laptop.take_all(NickFrame)[-1].nick == "ada-3"


def test_a_second_answer_about_a_nick_is_not_told(stage: Stage) -> None:
    phone, laptop = stage.device(), stage.device()
    stage.directory.holds_answers = True
    phone.send(NickFrame(nick="ada-2", token="n"))
    stage.directory.holds_answers = False
    stage.directory.held *= 2
    stage.directory.release(stage.host)
    laptop.send(NickFrame(nick="ada-3", token="n"))
    assert phone.take_all(NickFrame)[-1] == NickFrame(nick="ada-3")
    stage.directory.release(stage.host)
    assert phone.take() == []


def test_a_nick_that_was_taken_away_while_it_was_asked_for_is_not_given(stage: Stage) -> None:
    stage.gate.owns_names = False
    stranger = stage.stranger()
    stage.directory.holds_decisions = True
    stranger.send(NickFrame(nick="ada", token="n"))
    stage.directory.holds_decisions = False
    stage.gate.take_names()
    stage.directory.release(stage.host)
    assert stranger.one(Closing).reason == "revoked"
    assert stage.device().session.nick == "ada"


def test_a_session_that_was_taken_over_is_not_told_what_the_seat_is_called_afterwards(stage: Stage) -> None:
    phone, laptop = stage.device(), stage.device()
    phone.window = 0
    phone.send(Ping())
    laptop.send(NickFrame(nick="ada-2", token="n"))
    stage.device(phone.secret)
    laptop.send(NickFrame(nick="ada-3", token="n"))
    phone.window = None
    phone.drain()
    assert phone.take() == [Pong(), Closing(reason="taken_over")]


# --- join ----------------------------------------------------------------------------------------


def test_a_room_that_is_asked_for_again_is_not_left_by_the_first_answer(stage: Stage) -> None:
    client = stage.stranger()
    stage.directory.holds_answers = True
    client.send(Join(room="lobby"))
    stage.host.advance(ANSWER_SECONDS)
    assert client.error().code == "unavailable"
    client.send(Join(room="lobby"))
    stage.directory.release(stage.host)  # the answer to the first
    stage.directory.release(stage.host)
    assert client.one(Joined).count == 1
    assert stage.directory.entries == {("bob", "lobby")}


def test_a_room_is_not_left_by_an_answer_to_the_connection_that_had_the_seat_before(stage: Stage) -> None:
    old = stage.stranger()
    stage.directory.holds_answers = True
    old.send(Join(room="lobby"))
    stage.directory.holds_answers = False
    new = stage.hello("bob", key=None, secret=old.secret)
    new.send(Join(room="lobby"))
    stage.directory.release(stage.host)
    assert new.one(Joined).count == 1
    assert stage.directory.entries == {("bob", "lobby")}


def test_a_join_that_was_refused_for_want_of_an_answer_is_taken_back(stage: Stage) -> None:
    client, bystander = stage.stranger(), stage.stranger("cid")
    bystander.send(Join(room="lobby"))
    stage.host.settle()
    bystander.take()
    stage.directory.holds_answers = True
    client.send(Join(room="lobby"))
    stage.host.advance(ANSWER_SECONDS)
    assert client.error().code == "unavailable"
    assert stage.directory.entries == {("cid", "lobby")}
    stage.directory.release(stage.host)
    stage.host.settle()
    assert bystander.take_all(Presence) == []
    assert stage.directory.entries == {("cid", "lobby")}


# --- a directory that raises ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (Hello(protocol=1, nick="bob"), Welcome),
        (NickFrame(nick="bo", token="n"), NickFrame),
        (Join(room="lobby"), Joined),
    ],
    ids=["hello", "nick", "join"],
)
def test_a_directory_that_raises_after_its_answer_changes_nothing(
    stage: Stage, frame: Hello | NickFrame | Join, answer: type[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.host.connect() if isinstance(frame, Hello) else stage.stranger()
    stage.directory.raises = True
    client.send(frame)
    assert [type(each) for each in client.take()] == [answer]
    assert "the directory failed" in caplog.text
    stage.directory.raises = False
    client.send(Ping(token="p"))
    assert client.one(Pong).token == "p"
    assert client.take_all(Error) == []
