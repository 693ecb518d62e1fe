"""A small gate: keys lead to accounts, and an account owns its name and all that begin with it and a hyphen.

Without a key somebody is a stranger, and may have any nick that no account owns. Every account may moderate.
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
from tests.simulation.acts import secret_of
from tests.simulation.manners import Answers
from tests.simulation.table import ACCOUNTS
from tests.simulation.world import Expulsion, World

__all__ = ["SimGate"]

_KEY_CHARS = 43

_NOT_NOW = Refusal("unavailable", "not now", 0.5)
_MAY_NOT = Refusal("forbidden", "you may not do that")


class SimGate(OpenGate):
    """Answers in its own manner; what may be is known at any time, and revised after each change."""

    def __init__(self, world: World) -> None:
        self.answers = Answers("gate", world, lambda run: run())
        self._world = world
        self._watch: Watch | None = None
        self._keys: dict[str, str] = {}  # those that are good, with their accounts
        self._names: set[str] = set()  # of the accounts that there are, or were
        self._table = world.table
        self._issued = 0
        self._invited = 0

    # --- the seam --------------------------------------------------------------------------------

    def start(self, watch: Watch) -> None:
        """Begin."""
        self._watch = watch

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Look who it is."""
        self.answers.ask(lambda: self._look(claim.key), answer, _NOT_NOW)

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Strangers may, and accounts whose key is good."""
        if person.account is None:
            return None
        if self._table.is_banned(person.account):
            return Refusal("forbidden", "you are banned")
        if self._keys.get(person.key_id or "") == person.account:
            return None
        return Refusal("unauthorized", "the key is not good")

    def may_call(self, person: Person, nick: str) -> bool:
        """Everybody may have what is theirs, strangers what is nobody's."""
        name = fold(nick).partition("-")[0]
        return (name if name in self._names else None) == person.account

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Everybody may but who was barred, or is not let into a private room."""
        may = self._table.may_enter(person.account, room)
        return None if may else Refusal("forbidden", "you may not enter this room")

    def is_private(self, room: str) -> bool:
        """Tell whether a room was closed."""
        return self._table.is_private(room)

    def is_muted(self, person: Person, room: str) -> bool:
        """Tell whether an account was muted."""
        return self._table.is_muted(person.account, room)

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do what any account may do to any other."""
        self.answers.ask(lambda: self._act(person.account, moderation), answer, _NOT_NOW)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Make an invite, which nobody uses."""
        self.answers.ask(lambda: self._invite(person.account), answer, _NOT_NOW)

    def _invite(self, account: str | None) -> Invitation | Refusal:
        if account is None:
            return _MAY_NOT
        self._invited += 1
        return Invitation(secret_of(account, self._invited), 600.0)

    def _act(self, account: str | None, moderation: Moderation) -> Refusal | None:
        target = None if moderation.nick is None else fold(moderation.nick).partition("-")[0]
        if account is None or (target == account and moderation.act != "admit"):
            return _MAY_NOT
        if target is not None and target not in self._names:
            return Refusal("bad_name", "there is no such account")
        self._change(account, moderation, target or "", moderation.room or "")
        return None

    def _change(self, account: str, moderation: Moderation, target: str, room: str) -> None:
        table = self._table
        match moderation.act:
            case "close":
                self._put_out(room, {None, *ACCOUNTS} - {account, *moderation.present})
                table.close(room, {account, *moderation.present})
            case "open":
                table.open(room)
            case "admit":
                table.admit(target, room)
            case "kick":
                self._put_out(room, {target})
                table.drop(target, room)
                self.expel(target, room)
            case "mute":
                table.mute(target, moderation.room)
            case "ban" if room:
                self.bar(target, room)
            case "ban":
                table.ban(target)
            case "lift":
                table.lift(target, moderation.room)
        self._revise()

    def _put_out(self, room: str, whom: set[str | None]) -> None:
        self._world.expulsions += [Expulsion(room, who) for who in whom]

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
        (self._table.ban if banned else self._table.lift)(account)
        self._revise()

    def bar(self, account: str | None, room: str) -> None:
        """Let an account, or all strangers, into a room no more."""
        self._put_out(room, {account})
        self._table.bar(account, room)
        self._revise()

    def admit(self) -> None:
        """Let everybody into every room again, and let them speak."""
        self._table.clear()
        self._revise()

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
