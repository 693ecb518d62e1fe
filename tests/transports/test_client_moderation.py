"""Both clients, behind a gate that takes its time: acts on people and rooms, and one more device."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from chatcore import Hub, Invited, Left, Moderated, RefusedError, UsageError
from chatcore.gate import ANYBODY, Claim, Invitation, Moderation, OpenGate, Person, Refusal, Watch
from chatcore.limits import Limits
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, House

Connect = Callable[..., Visitor]

ADA, BOB = "ada" * 20, "bob" * 20
SECRET = "the-secret-of-an-invite"


class Warden(OpenGate):
    """Knows two accounts, lets ada do anything, and answers from a thread of its own."""

    def __init__(self) -> None:
        self.watch: Watch
        self.asked: list[Moderation] = []
        self.muted: set[str | None] = set()
        self._thread = ThreadPoolExecutor(1)

    def start(self, watch: Watch) -> None:
        self.watch = watch

    def close(self) -> None:
        self._thread.shutdown()

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        names = {ADA: "ada", BOB: "bob"}
        name = names.get(claim.key or "")
        answer(Person(name, "owner" if name == "ada" else "member", name) if name else ANYBODY)

    def is_muted(self, person: Person, room: str) -> bool:
        return person.account in self.muted

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        self._thread.submit(self._act, person, moderation, answer)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        if person.account is None:
            answer(Refusal("forbidden", "you have no account"))
        else:
            self._thread.submit(answer, Invitation(SECRET, 600.0, (f"chats://a/#{SECRET}",)))

    def _act(self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]) -> None:
        self.asked.append(moderation)
        if person.account != "ada":
            answer(Refusal("forbidden", "you may not do this"))
            return
        if moderation.act == "kick" and moderation.nick and moderation.room:
            self.watch.expel(moderation.nick, moderation.room)
        answer(None)


@pytest.fixture
def warden() -> Warden:
    return Warden()


@pytest.fixture
def guarded(serve: Serve, warden: Warden) -> Iterator[House]:
    with closing(Hub(limits=Limits(**OPEN), gate=warden)) as hub:
        yield serve(hub=hub)


def test_an_act_is_done_when_its_call_returns(guarded: House, connect: Connect, warden: Warden) -> None:
    ada, bob = (connect(guarded.url, nick=nick, key=key) for nick, key in (("ada", ADA), ("bob", BOB)))
    done = ada.do("moderate", "kick", room="Lobby", nick="bob", reason="noise")
    assert (done.act, done.nick) == ("kick", "bob")
    assert ada.who() == ("ada",)
    while not isinstance(event := bob.receive(DEADLINE), Left):
        pass
    assert event == Left(room="lobby", reason="expelled")
    assert bob.do("rooms") == ()
    (asked,) = warden.asked
    assert (asked.act, asked.room, asked.nick, asked.reason) == ("kick", "lobby", "bob", "noise")


def test_an_act_without_a_room_is_not_of_the_room_of_other_calls(
    guarded: House, connect: Connect, warden: Warden
) -> None:
    ada = connect(guarded.url, nick="ada", key=ADA)
    ada.do("moderate", "mute", nick="bob", seconds=60)
    (asked,) = warden.asked
    assert (asked.room, asked.seconds) == (None, 60.0)
    with pytest.raises(UsageError, match="to close, name the room"):
        ada.do("moderate", "close")


def test_an_act_that_is_refused_raises_and_harms_nothing(guarded: House, connect: Connect) -> None:
    bob = connect(guarded.url, nick="bob", key=BOB)
    with pytest.raises(RefusedError) as refused:
        bob.do("moderate", "close", room="lobby")
    assert (refused.value.code, refused.value.message) == ("forbidden", "you may not do this")
    assert bob.post("still here").seq == 1


def test_an_invite_is_for_who_asks_and_news_for_the_other_devices(guarded: House, connect: Connect) -> None:
    desk, pocket = (connect(guarded.url, nick="ada", key=ADA) for _ in range(2))
    answer = desk.do("invite_device")
    assert (answer.invite, answer.links, answer.seconds) == (SECRET, (f"chats://a/#{SECRET}",), 600.0)
    assert SECRET not in repr(answer)
    while not isinstance(event := pocket.receive(DEADLINE), Invited):
        pass
    assert (event.invite, event.links) == (None, None)


def test_who_has_no_account_is_refused(guarded: House, connect: Connect) -> None:
    guest = connect(guarded.url, nick="guest")
    for call in (("invite_device",), ("moderate", "open")):
        options = {"room": "lobby"} if call[0] == "moderate" else {}
        with pytest.raises(RefusedError) as refused:
            guest.do(*call, **options)
        assert refused.value.code == "forbidden"


def told(visitor: Visitor) -> Moderated:
    """Return what a client is told next of a mute."""
    while not isinstance(event := visitor.receive(DEADLINE), Moderated):
        pass
    return event


def test_whoever_enters_a_room_in_which_they_are_muted_learns_it_at_once(
    guarded: House, connect: Connect, warden: Warden
) -> None:
    warden.muted.add("bob")
    bob = connect(guarded.url, nick="bob", key=BOB)
    assert told(bob) == Moderated(act="mute", room="lobby", nick="bob")
    warden.muted.clear()
    warden.watch.revise()
    assert told(bob).act == "lift"
