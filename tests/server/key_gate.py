"""A gate with accounts: keys that prove them, and nicks that belong to them.

An account owns its name, and every nick that is its name, a ``-`` and more. Each of its keys has an id of its
own, so that one of them can be revoked. Every account may moderate, ask for invites, and
forget its keys. What the gate
changes it tells its hub, as a gate must.
"""

from collections.abc import Callable

from chatcore.gate import (
    ANYBODY,
    Claim,
    Gate,
    Invitation,
    Moderation,
    OpenGate,
    Peer,
    Person,
    Refusal,
    Watch,
)
from chatcore.names import fold

__all__ = ["UNAUTHORIZED", "KeyGate", "key_of"]

UNAUTHORIZED = Refusal("unauthorized", "you are not known here")
"""The one answer to keys that are missing, wrong or revoked."""

FORBIDDEN = Refusal("forbidden", "you may not")

NOBODY = Refusal("bad_name", "there is no such account")


def key_of(account: str, device: str = "phone") -> str:
    """Return the key of an account on a device. Nobody could guess it."""
    return f"{account}/{device}".ljust(43, "k")


class KeyGate(OpenGate):
    """Knows accounts by their names. Without a key everybody is nobody, or refused where keys are needed."""

    def __init__(self, *accounts: str, needs_keys: bool = False) -> None:
        self._needs_keys = self._asks_for_keys = needs_keys
        self._names = {fold(account): account for account in accounts}  # also of those that were removed
        self._revoked: set[str] = set()  # ids of keys
        self._banned: set[str] = set()
        self._removed: set[str] = set()
        self._banned_addresses: set[str] = set()
        self._forbidden: set[tuple[str | None, str]] = set()
        self._private: dict[str, set[str | None]] = {}  # the accounts that may enter a room
        self._muted: set[tuple[str | None, str | None]] = set()  # accounts, and a room or all of them
        self._watch: Watch | None = None
        self.acts: list[Moderation] = []
        self.invited = 0
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

    def ask_for_keys(self) -> None:
        """Have people on the plain wire log in, though it lets in strangers."""
        self._asks_for_keys = True

    def ban_address(self, host: str) -> None:
        """Let nobody connect from an address."""
        self._banned_addresses.add(host)
        self._revise()

    def make_private(self, room: str, *accounts: str) -> None:
        """Close a room to all but some accounts."""
        self._private[room] = set(accounts)
        self._revise()

    def make_public(self, room: str) -> None:
        """Open a room to everybody."""
        del self._private[room]
        self._revise()

    def admit(self, account: str, room: str) -> None:
        """Let an account into a private room."""
        self._private.setdefault(room, set()).add(account)
        self._revise()

    def mute(self, account: str, room: str | None = None) -> None:
        """Let an account only read, in a room or in all."""
        self._muted.add((account, room))
        self._revise()

    def lift(self, account: str, room: str | None = None) -> None:
        """Let an account speak again, and come back."""
        self._muted.discard((account, room))
        self._banned.discard(account)
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

    @property
    def requires_key(self) -> bool:
        """Whether people on the plain wire are asked for a key."""
        return self._asks_for_keys

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

    def may_connect(self, peer: Peer) -> bool:
        """Refuse addresses that are banned."""
        return peer.host not in self._banned_addresses

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Refuse accounts that are banned or removed, and keys that are revoked."""
        if person.account in self._banned or not self.may_connect(peer):
            return FORBIDDEN
        if person.account in self._removed or person.key_id in self._revoked:
            return UNAUTHORIZED
        return None

    def may_call(self, person: Person, nick: str) -> bool:
        """Give an account its own nicks and no others, and everybody else those of no account."""
        return self._owner(nick) == person.account

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Refuse rooms that are closed to an account."""
        if (person.account, room) in self._forbidden:
            return FORBIDDEN
        admitted = self._private.get(room)
        return None if admitted is None or person.account in admitted else FORBIDDEN

    def is_private(self, room: str) -> bool:
        """Tell whether a room is only for some."""
        return room in self._private

    def is_muted(self, person: Person, room: str) -> bool:
        """Tell whether an account may only read."""
        return not self._muted.isdisjoint({(person.account, room), (person.account, None)})

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do it, and answer immediately."""
        answer(self.apply(person, moderation))

    def apply(self, person: Person, moderation: Moderation) -> Refusal | None:
        """Do something to a room or an account, or say why not."""
        target = None if moderation.nick is None else self._owner(moderation.nick)
        if person.account not in self._names.values() or (moderation.nick and target == person.account):
            return FORBIDDEN
        if moderation.nick and target is None:
            return NOBODY
        self.acts.append(moderation)
        self._act(person, moderation, target or "", moderation.room or "")
        return None

    def _act(self, person: Person, moderation: Moderation, target: str, room: str) -> None:
        match moderation.act:
            case "close":
                here = {self._names[name] for name in moderation.present}
                self.make_private(room, person.account or "", *here)
            case "open":
                self.make_public(room)
            case "admit":
                self.admit(target, room)
            case "kick":
                self._private.get(room, set()).discard(target)
                self.expel(target, room)
            case "mute":
                self.mute(target, moderation.room)
            case "ban" if room:
                self.forbid(target, room)
            case "ban":
                self.ban(target)
            case "lift":
                self._forbidden.discard((target, room))
                self.lift(target, moderation.room)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Make an invite that nobody can use, and answer immediately."""
        answer(self.invite(person))

    def invite(self, person: Person) -> Invitation | Refusal:
        """Make an invite, or say why not."""
        if person.account is None:
            return FORBIDDEN
        self.invited += 1
        return Invitation(f"invite-{self.invited}", 600.0, (f"chats://chat.example/#invite-{self.invited}",))

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Revoke a key, and answer immediately."""
        answer(self.forget(person))

    def forget(self, person: Person) -> Refusal | None:
        """Revoke the key that somebody came in by, or say why not."""
        if person.key_id is None:
            return FORBIDDEN
        self._revoked.add(person.key_id)
        self._revise()
        return None

    def room_removed(self, room: str) -> None:
        """Note it."""
        self.removed_rooms.append(room)

    def _owner(self, nick: str) -> str | None:
        name, _, _ = fold(nick).partition("-")
        return self._names.get(name)


_: type[Gate] = KeyGate
