"""A gate with accounts: keys that prove them, and nicks that belong to them.

An account owns its name, and every nick that is its name, a ``-`` and more. Each of its keys has an id of its
own, so that one of them can be revoked. What the gate changes it tells its hub, as a gate must.
"""

from collections.abc import Callable

from chatcore.gate import ANYBODY, Claim, Gate, OpenGate, Peer, Person, Refusal, Watch
from chatcore.names import fold

__all__ = ["UNAUTHORIZED", "KeyGate", "key_of"]

UNAUTHORIZED = Refusal("unauthorized", "you are not known here")
"""The one answer to keys that are missing, wrong or revoked."""

FORBIDDEN = Refusal("forbidden", "you may not")


def key_of(account: str, device: str = "phone") -> str:
    """Return the key of an account on a device. Nobody could guess it."""
    return f"{account}/{device}".ljust(43, "k")


class KeyGate(OpenGate):
    """Knows accounts by their names. Without a key everybody is nobody, or refused where keys are needed."""

    def __init__(self, *accounts: str, needs_keys: bool = False) -> None:
        self._needs_keys = needs_keys
        self._names = {fold(account): account for account in accounts}  # also of those that were removed
        self._revoked: set[str] = set()  # ids of keys
        self._banned: set[str] = set()
        self._removed: set[str] = set()
        self._forbidden: set[tuple[str | None, str]] = set()
        self._private: set[str] = set()
        self._watch: Watch | None = None
        self.removed_rooms: list[str] = []
        self.is_closed = False

    # --- what a test changes ---------------------------------------------------------------------

    def add(self, account: str) -> None:
        """Make an account."""
        self._names[fold(account)] = account
        self._revise()

    def remove(self, account: str) -> None:
        """Remove an account. Its name stays its own."""
        self._removed.add(account)
        self._revise()

    def revoke(self, account: str, device: str = "phone") -> None:
        """Let a key prove nothing any more."""
        self._revoked.add(f"{account}/{device}")
        self._revise()

    def ban(self, account: str) -> None:
        """Put out an account, and let it in no more."""
        self._banned.add(account)
        self._revise()

    def forbid(self, account: str | None, room: str) -> None:
        """Close a room to an account, or to everybody without one."""
        self._forbidden.add((account, room))
        self._revise()

    def expel(self, account: str, room: str) -> None:
        """Put an account out of a room, which it may enter again."""
        assert self._watch is not None
        self._watch.expel(account, room)

    def _revise(self) -> None:
        if self._watch is not None:
            self._watch.revise()

    # --- the gate --------------------------------------------------------------------------------

    def start(self, watch: Watch) -> None:
        """Remember whom to tell of changes."""
        self._watch = watch

    def close(self) -> None:
        """Note that this is the end."""
        self.is_closed = True

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Answer immediately."""
        answer(self.identify(claim))

    def identify(self, claim: Claim) -> Person | Refusal:
        """Say who somebody is."""
        if claim.key is None:
            return UNAUTHORIZED if self._needs_keys else ANYBODY
        key_id = claim.key.rstrip("k")
        account = self._names.get(fold(key_id.partition("/")[0]))
        if account is None or claim.key != key_id.ljust(43, "k"):
            return UNAUTHORIZED
        person = Person(account, "member", key_id)
        return self.may_stay(person, claim.peer) or person

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Refuse accounts that are banned or removed, and keys that are revoked."""
        if person.account in self._banned:
            return FORBIDDEN
        if person.account in self._removed or person.key_id in self._revoked:
            return UNAUTHORIZED
        return None

    def may_call(self, person: Person, nick: str) -> bool:
        """Give an account its own nicks and no others, and everybody else those of no account."""
        return self._owner(nick) == person.account

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Refuse rooms that were closed to an account."""
        return FORBIDDEN if (person.account, room) in self._forbidden else None

    def room_removed(self, room: str) -> None:
        """Note it."""
        self.removed_rooms.append(room)

    def _owner(self, nick: str) -> str | None:
        name, _, _ = fold(nick).partition("-")
        return self._names.get(name)


_: type[Gate] = KeyGate
