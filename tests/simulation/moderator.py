"""Whoever runs the server: makes accounts, revokes keys, puts people out, removes rooms."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from random import Random

from chatcore.errors import JournalError
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from tests.simulation.gate import SimGate
from tests.simulation.papers import Device
from tests.simulation.step import Step, expect
from tests.simulation.table import ACCOUNTS
from tests.simulation.world import ROOMS, Expulsion, World

__all__ = ["Moderator"]


class Moderator:
    """Acts now and then, and by the same verbs as a program would."""

    def __init__(self, world: World, gate: SimGate, devices: list[Device]) -> None:
        self._world = world
        self._random: Random = world.random
        self._gate = gate
        self._devices = devices
        self._strictness = world.random.choice((0, 0.1, 0.5)) if devices else 0
        self._tidiness = world.random.choice((0, 0, 0.02, 0.1))
        self._removals: list[Future[bool]] = []
        self._hub: Hub | None = None

    def serve(self, hub: Hub) -> None:
        """Learn whose rooms there are, and begin with some accounts, or none yet."""
        self._hub = hub
        for device in self._devices:
            if self._random.random() < 0.7:
                device.receive(self._gate.issue(device.account or ""))

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now."""
        if self._world.calm:
            return
        if self._devices:
            yield Step(self._strictness + 0.02, self._issue)
            yield Step(self._strictness, self._moderate)
        yield Step(self._tidiness, self._remove_room)

    def judge_quiet(self) -> None:
        """Check that every removal has ended, one way or another."""
        for removal in self._removals:
            expect(removal.done(), "a room is still being removed")
            error = removal.exception()
            expect(error is None or isinstance(error, JournalError), "a removal ended with", error)

    # --- accounts --------------------------------------------------------------------------------

    def _issue(self) -> str:
        """Give a key to a device that has none, or whose key is not good any more."""
        waiting = [each for each in self._devices if each.key is None or not self._gate.is_good(each.key)]
        if not waiting:
            return "moderator has no keys to give"
        device = self._random.choice(waiting)
        self._gate.set_banned(device.account or "", False)
        device.receive(self._gate.issue(device.account or ""))
        return f"moderator gives {device.account} a key"

    def _moderate(self) -> str:
        rare = (self._remove_account, self._ban, self._bar, self._admit)
        verbs: tuple[Callable[[str], str], ...] = (*[self._revoke] * 2, *[self._expel] * 6, *rare)
        return self._random.choice(verbs)(self._random.choice(list(ACCOUNTS)))

    def _revoke(self, account: str) -> str:
        device = self._random.choice(self._devices)
        self._world.saw("a key revoked")
        self._gate.revoke(device.key or "")
        return f"moderator revokes {device.key}"

    def _remove_account(self, account: str) -> str:
        self._world.saw("an account removed")
        self._gate.remove(account)
        return f"moderator removes {account}"

    def _ban(self, account: str) -> str:
        self._world.saw("an account banned")
        self._gate.set_banned(account, True)
        return f"moderator bans {account}"

    def _bar(self, account: str) -> str:
        who, room = self._random.choice((account, None)), self._random.choice(ROOMS)
        self._gate.bar(who, room)
        return f"moderator lets {who or 'strangers'} into {room} no more"

    def _admit(self, account: str) -> str:
        self._gate.admit()
        return "moderator lets everybody in"

    def _expel(self, account: str) -> str:
        room = self._random.choice(ROOMS)
        self._world.expulsions.append(Expulsion(room, account))
        self._gate.expel(account, room)
        inside = [each for each in self._members(room) if each.seat and each.seat.person.account == account]
        expect(not inside, inside, "are still in", room)
        return f"moderator puts {account} out of {room}"

    def _members(self, room: str) -> list[Session]:
        assert self._hub is not None
        found = self._hub.rooms.get(room)
        return [member.session for member in found.all_members()] if found else []

    # --- rooms -----------------------------------------------------------------------------------

    def _remove_room(self) -> str:
        assert self._hub is not None
        room = self._random.choice(ROOMS)
        self._world.saw("a room removed")
        self._world.expulsions.append(Expulsion(room, everybody=True))
        self._removals.append(self._hub.remove_room(room))
        expect(not self._members(room), self._members(room), "are still in", room)
        return f"moderator removes {room}"
