"""Both clients against every server, behind a gate: several devices of one account, and who is put out."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

import pytest

from chatcore import DisconnectedError, Event, Hub, Left, Message, NickFrame, Presence, RefusedError
from chatcore.address import Peer
from chatcore.gate import ANYBODY, Claim, OpenGate, Person, Refusal, Watch
from chatcore.limits import Limits
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, House

Connect = Callable[..., Visitor]
E = TypeVar("E", bound=Event)

KEY = "ada" * 20


class Porter(OpenGate):
    """Knows one key, of the account ``ada``, which may call itself that or ``ada-...``."""

    def __init__(self) -> None:
        self.watch: Watch
        self.banned = False

    def start(self, watch: Watch) -> None:
        self.watch = watch

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        answer(Person("ada", "member", "key-1") if claim.key == KEY else ANYBODY)

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        return Refusal("forbidden", "you are banned") if self.banned and person.account else None

    def may_call(self, person: Person, nick: str) -> bool:
        return (nick.casefold().partition("-")[0] == "ada") == (person.account is not None)


@pytest.fixture
def porter() -> Porter:
    return Porter()


@pytest.fixture
def guarded(serve: Serve, porter: Porter) -> Iterator[House]:
    """A house with a gate."""
    with closing(Hub(limits=Limits(**OPEN), gate=porter)) as hub:
        yield serve(hub=hub)


def until(visitor: Visitor, kind: type[E]) -> E:
    """Take events up to the next of a kind."""
    while not isinstance(event := visitor.receive(DEADLINE), kind):
        pass
    return event


def test_devices_of_an_account_are_one_member(guarded: House, connect: Connect) -> None:
    desk, pocket = (connect(guarded.url, nick="ada", key=KEY) for _ in range(2))
    bob = connect(guarded.url, nick="bob")
    assert (desk.do("account"), desk.do("role")) == ("ada", "member")
    assert (bob.do("account"), bob.do("role")) == (None, None)
    assert bob.who() == ("ada", "bob")
    desk.post("from the desk")
    heard = until(pocket, Message)
    assert pocket.do("is_mine", heard)
    assert not bob.do("is_mine", heard)


def test_a_change_of_nick_is_news_on_the_other_device(guarded: House, connect: Connect) -> None:
    desk, pocket = (connect(guarded.url, nick="ada", key=KEY) for _ in range(2))
    assert desk.set_nick("ada-away").nick == "ada-away"
    assert until(pocket, NickFrame) == NickFrame(nick="ada-away")
    assert pocket.nick == "ada-away"
    with pytest.raises(RefusedError) as refused:
        pocket.set_nick("bob")
    assert refused.value.code == "forbidden"
    assert pocket.nick == "ada-away"


def test_being_put_out_of_a_room_is_a_left_on_every_device(
    guarded: House, connect: Connect, porter: Porter
) -> None:
    devices = [connect(guarded.url, nick="ada", key=KEY) for _ in range(2)]
    porter.watch.expel("ada", "lobby")
    for device in devices:
        assert until(device, Left) == Left(room="lobby", reason="expelled")
        assert device.do("rooms") == ()
    assert devices[0].join("lobby").room == "lobby"


def test_who_is_banned_does_not_reconnect(guarded: House, connect: Connect, porter: Porter) -> None:
    ada = connect(guarded.url, nick="ada", key=KEY, reconnect=True)
    porter.banned = True
    porter.watch.revise()
    with pytest.raises(DisconnectedError) as ended:
        ada.take_all()
    assert ended.value.reason in ("banned", "revoked")
    with pytest.raises(RefusedError, match="forbidden"):
        connect(guarded.url, nick="ada", key=KEY)


def test_an_account_keeps_its_nick_for_itself(guarded: House, connect: Connect) -> None:
    with pytest.raises(RefusedError) as refused:
        connect(guarded.url, nick="ada")
    assert refused.value.code == "forbidden"
    bob = connect(guarded.url, nick="bob")
    ada = connect(guarded.url, nick="ada", key=KEY)
    while not (isinstance(event := bob.receive(DEADLINE), Presence) and "ada" in event.joined):
        pass
    assert ada.nick == "ada"
