"""A small gate: keys lead to accounts, and an account owns its name and all that begin with it and a hyphen.

Without a key somebody is a stranger, and may have any nick that no account owns.
"""

from collections.abc import Callable

from chatcore.gate import ANYBODY, Claim, Gate, OpenGate, Peer, Person, Refusal, Watch
from chatcore.names import fold
from tests.simulation.manners import Answers
from tests.simulation.world import World

__all__ = ["SimGate"]

_KEY_CHARS = 43


class SimGate(OpenGate):
    """Answers in its own manner; what may be is known at any time, and revised after each change."""

    def __init__(self, world: World) -> None:
        self.answers = Answers("gate", world, lambda run: run())
        self._world = world
        self._watch: Watch | None = None
        self._keys: dict[str, str] = {}  # those that are good, with their accounts
        self._names: set[str] = set()  # of the accounts that there are, or were
        self._banned: set[str] = set()  # accounts
        self._barred: set[tuple[str | None, str]] = set()  # accounts, or all strangers, and rooms
        self._issued = 0

    # --- the seam --------------------------------------------------------------------------------

    def start(self, watch: Watch) -> None:
        """Begin."""
        self._watch = watch

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Look who it is."""
        self.answers.ask(lambda: self._look(claim.key), answer, Refusal("unavailable", "not now", 0.5))

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Strangers may, and accounts whose key is good."""
        if person.account is None:
            return None
        if person.account in self._banned:
            return Refusal("forbidden", "you are banned")
        if self._keys.get(person.key_id or "") == person.account:
            return None
        return Refusal("unauthorized", "the key is not good")

    def may_call(self, person: Person, nick: str) -> bool:
        """Everybody may have what is theirs, strangers what is nobody's."""
        name = fold(nick).partition("-")[0]
        return (name if name in self._names else None) == person.account

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Everybody may but who was barred."""
        barred = (person.account, room) in self._barred
        return Refusal("forbidden", "you may not enter this room") if barred else None

    def _look(self, key: str | None) -> Person | Refusal:
        if key is None:
            return ANYBODY
        account = self._keys.get(key)
        if account is None:
            return Refusal("unauthorized", "the key is not good")
        return Person(account, "member", key)

    # --- what changes ----------------------------------------------------------------------------

    def is_good(self, key: str) -> bool:
        """Tell whether a key still opens."""
        return key in self._keys

    def issue(self, account: str) -> str:
        """Make another key; with the first one, the account is made, and its names are its own."""
        self._issued += 1
        key = f"{account}-{self._issued}-".ljust(_KEY_CHARS, "k")
        self._keys[key] = account
        self._names.add(account)
        self._revise()
        return key

    def revoke(self, key: str) -> None:
        """Let a key be good no more."""
        self._drop([key])

    def remove(self, account: str) -> None:
        """Let none of an account's keys be good; its names stay its own."""
        self._drop([key for key, name in self._keys.items() if name == account])

    def set_banned(self, account: str, banned: bool) -> None:
        """Ban an account, or lift that."""
        (self._banned.add if banned else self._banned.discard)(account)
        self._revise()

    def bar(self, account: str | None, room: str) -> None:
        """Let an account, or all strangers, into a room no more."""
        self._barred.add((account, room))
        self._revise()

    def admit(self) -> None:
        """Let everybody into every room again."""
        self._barred.clear()

    def expel(self, account: str, room: str) -> None:
        """Put an account out of a room."""
        assert self._watch is not None
        self._watch.expel(account, room)

    def _drop(self, keys: list[str]) -> None:
        for key in keys:
            self._keys.pop(key, None)
        self._world.bad_keys.update(keys)
        self._revise()

    def _revise(self) -> None:
        if self._watch is not None:
            self._watch.revise()


_: type[Gate] = SimGate
