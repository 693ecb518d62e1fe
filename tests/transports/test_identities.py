"""Accounts with several devices on real sockets, let in by a gate that answers later, from other threads."""

import threading
from collections.abc import Callable, Iterator

import pytest

from chatcore.gate import Claim, Person, Refusal
from chatcore.server.hub import Hub
from tests.limits import split_limits
from tests.protocol.frames import Ack, Closing, Joined, Left, Message, NickFrame, Presence, Welcome
from tests.server.key_gate import KeyGate, key_of
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE, TypedPeer, line
from tests.transports.servers import OPEN, House, spoken_as

PHONE, LAPTOP = key_of("ada"), key_of("ada", "laptop")
RACES = 200
URLS = ("chat://127.0.0.1:0", "plain://127.0.0.1:0", "chat://127.0.0.1:0")


class Doorkeeper(KeyGate):
    """Answers each claim after some milliseconds, from a thread of its own."""

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        threading.Timer(0.003, super().enter, (claim, answer)).start()


ACCOUNTS = ("ada", *(f"n{number}" for number in range(RACES)))


@pytest.fixture
def gate() -> KeyGate:
    return Doorkeeper(*ACCOUNTS)


@pytest.fixture
def house(gate: KeyGate, serve: Serve) -> Iterator[House]:
    """A house with that gate, which listens on two ports for typed peers."""
    limits, _ = split_limits({**OPEN, "new_rooms_per_minute": None})
    with Hub(limits=limits, gate=gate) as hub:
        house = serve(hub=hub, urls=URLS)
        yield house
        house.close()


def device(house: House, key: str, *, nick: str = "ada", session: str | None = None) -> tuple[TypedPeer, str]:
    """Connect a device of an account; return it with its secret."""
    peer = house.typed()
    secret = {} if session is None else {"session": session}
    peer.ask("hello", protocol=1, nick=nick, key=key, **secret)
    return peer, peer.receive(Welcome).session


def test_two_devices_of_one_account_are_one_member(house: House) -> None:
    zoe = house.member("zoe")
    (phone, _), (laptop, _) = device(house, PHONE), device(house, LAPTOP)
    for peer in (phone, laptop):
        peer.ask("join", room="lobby")
        assert peer.receive(Joined).count == 2
    phone.post("from the phone", "p-1")
    assert [peer.receive(Message).nick for peer in (phone, laptop, zoe)] == ["ada", "ada", "ada"]
    zoe.receive(Presence, where=lambda presence: "ada" in presence.joined)
    laptop.ask("nick", nick="ada-x", token="t")
    assert laptop.receive(NickFrame).token == "t"
    assert phone.receive(NickFrame) == NickFrame(nick="ada-x")
    zoe.receive(Presence, where=lambda presence: bool(presence.renamed))
    assert zoe.who() == ("ada-x", "zoe")
    phone.reset()
    laptop.ask("leave", room="lobby")
    assert laptop.receive(Left).reason is None
    zoe.wait_until_alone()


def test_a_secret_takes_over_one_device_and_leaves_the_other(house: House) -> None:
    (phone, secret), (laptop, _) = device(house, PHONE), device(house, LAPTOP)
    again, same = device(house, PHONE, session=secret)
    assert same == secret
    assert phone.reason_of_end() == "taken_over"
    for peer in (again, laptop):
        peer.ask("join", room="lobby")
        assert peer.receive(Joined).count == 1


def test_a_key_that_is_revoked_ends_its_device_and_no_other(house: House, gate: KeyGate) -> None:
    (phone, _), (laptop, _) = device(house, PHONE), device(house, LAPTOP)
    gate.revoke("ada", "phone")
    assert phone.reason_of_end() == "revoked"
    laptop.ask("join", room="lobby")
    assert laptop.receive(Joined).count == 1
    gate.expel("ada", "lobby")
    assert laptop.receive(Left).reason == "expelled"


def test_a_refused_hello_is_answered_and_ends_the_stream(house: House) -> None:
    peer = house.typed()
    peer.send(line("hello", protocol=1, nick="ada") + line("join", room="lobby"))
    assert [getattr(frame, "code", None) for frame in peer.receive_all()] == ["forbidden"]


def test_a_plain_peer_waits_for_the_gate_as_well(house: House) -> None:
    zoe = house.member("zoe")
    script = house.stranger("plain")
    script.send(b"one\ntwo\nthree")
    script.finish()
    assert [message.text for message in zoe.receive_many(Message, 3)] == ["one", "two", "three"]
    assert script.receive_rest() == b""


def test_hello_join_post_and_the_end_of_the_stream_in_one_segment_lose_nothing(house: House) -> None:
    zoe = house.member("zoe")
    for number in range(50):
        peer = house.typed()
        peer.send(
            line("hello", protocol=1, nick=f"n{number}", key=key_of(f"n{number}"))
            + line("join", room="lobby")
            + line("post", room="lobby", id=f"p-{number}", text=f"text {number}")
        )
        peer.finish()
        frames = [frame for frame in peer.receive_all() if not isinstance(frame, Presence)]
        assert {type(frame) for frame in frames} == {Welcome, Joined, Ack, Message}
        assert len(frames) == 4
        assert zoe.receive(Message).text == f"text {number}"


class Racer:
    """A thread that says hello and joins for one peer after another, at the moment of a barrier."""

    def __init__(self, start: threading.Barrier) -> None:
        self._start = start
        self.next: tuple[TypedPeer, bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join(DEADLINE)

    def _run(self) -> None:
        self._start.wait(DEADLINE)
        while self.next is not None:
            peer, data = self.next
            peer.send(data)
            self._start.wait(DEADLINE)  # it is sent
            self._start.wait(DEADLINE)  # there is another


def test_two_devices_that_say_hello_at_one_moment_on_two_ports_are_one_member(house: House) -> None:
    ports = [listen.port for listen in house.server.listening if listen.scheme in spoken_as("chat")]
    assert len(set(ports)) == 2
    start = threading.Barrier(3)
    racers = [Racer(start) for _ in ports]
    for number in range(RACES):
        peers = [house.typed(port=port) for port in ports]
        for racer, peer, name in zip(racers, peers, ("phone", "laptop"), strict=True):
            hello = line("hello", protocol=1, nick=f"n{number}", key=key_of(f"n{number}", name))
            racer.next = (peer, hello + line("join", room=f"room-{number}"))
        start.wait(DEADLINE)
        start.wait(DEADLINE)
        for peer in peers:
            assert peer.receive(Welcome).nick == f"n{number}"
            assert peer.receive(Joined).count == 1
        assert house.hub.rooms[f"room-{number}"].count == 1
        assert [frame for peer in peers for frame in peer.inbox if isinstance(frame, Closing)] == []
        for peer in peers:
            peer.close()
    for racer in racers:
        racer.next = None
    start.wait(DEADLINE)
    for racer in racers:
        racer.finish()
