"""Who may be where, and who may speak there: what has been decided, and since when.

It is the truth against which frames and posts are judged. Time is counted in steps of the simulation.
"""

from collections.abc import Iterable

__all__ = ["ACCOUNTS", "ROOMS", "Table"]

ACCOUNTS = {"ada": 2, "cleo": 3}
"""The accounts that there may be, and how many devices each has."""

ROOMS = ("lobby", "attic", "cellar")

Somebody = str | None
"""An account, or all strangers."""

Where = tuple[Somebody, str]


class Table:
    """Bans, private rooms and mutes."""

    def __init__(self) -> None:
        self.step = 0
        self._banned: set[str] = set()
        self._barred: set[Where] = set()
        self._private: dict[str, set[Somebody]] = {}  # who is let in, by room
        self._muted: set[tuple[Somebody, str | None]] = set()  # in a room, or in all
        self._out_since: dict[Where, int] = {}
        self._muted_since: dict[Where, int] = {}
        self._muted_until: dict[Where, int] = {}

    def advance(self) -> None:
        """Begin another step."""
        self.step += 1

    # --- what holds now --------------------------------------------------------------------------

    def is_banned(self, account: Somebody) -> bool:
        """Tell whether an account is banned."""
        return account in self._banned

    def may_enter(self, who: Somebody, room: str) -> bool:
        """Tell whether somebody may be in a room."""
        admitted = self._private.get(room)
        return (who, room) not in self._barred and (admitted is None or who in admitted)

    def is_private(self, room: str) -> bool:
        """Tell whether a room is only for some."""
        return room in self._private

    def is_muted(self, who: Somebody, room: str) -> bool:
        """Tell whether somebody may only read."""
        return not self._muted.isdisjoint({(who, room), (who, None)})

    # --- what held before ------------------------------------------------------------------------

    def was_out(self, who: Somebody, room: str, before: int) -> bool:
        """Tell whether somebody has not been allowed in a room since before a step."""
        since = self._out_since.get((who, room))
        return since is not None and since < before

    def was_muted(self, who: Somebody, room: str, before: int) -> bool:
        """Tell whether somebody has been muted in a room since before a step."""
        since = self._muted_since.get((who, room))
        return since is not None and since < before

    def was_ever_muted(self, who: Somebody, room: str, since: int) -> bool:
        """Tell whether somebody was muted in a room at any time since a step."""
        return (who, room) in self._muted_since or self._muted_until.get((who, room), -1) >= since

    # --- what changes ----------------------------------------------------------------------------

    def ban(self, account: str) -> None:
        """Let an account not be here at all."""
        self._banned.add(account)
        self._note()

    def bar(self, who: Somebody, room: str) -> None:
        """Let somebody not be in a room."""
        self._barred.add((who, room))
        self._note()

    def close(self, room: str, accounts: Iterable[str]) -> None:
        """Make a room private to some accounts."""
        self._private[room] = set(accounts)
        self._note()

    def open(self, room: str) -> None:
        """Make a room public."""
        self._private.pop(room, None)
        self._note()

    def admit(self, account: str, room: str) -> None:
        """Let an account into a private room."""
        self._private.get(room, set()).add(account)
        self._note()

    def drop(self, account: str, room: str) -> None:
        """Let an account into a private room no more."""
        self._private.get(room, set()).discard(account)
        self._note()

    def mute(self, account: str, room: str | None) -> None:
        """Let an account only read."""
        self._muted.add((account, room))
        self._note()

    def lift(self, account: str, room: str | None = None) -> None:
        """Lift mutes and bans of an account: in a room, or those of all."""
        self._muted.discard((account, room))
        if room is None:
            self._banned.discard(account)
        else:
            self._barred.discard((account, room))
        self._note()

    def clear(self) -> None:
        """Let everybody be everywhere and speak."""
        self._banned.clear()
        self._barred.clear()
        self._private.clear()
        self._muted.clear()
        self._note()

    def _note(self) -> None:
        for who in (*ACCOUNTS, None):
            for room in ROOMS:
                self._note_one((who, room), self.is_banned(who) or not self.may_enter(who, room))

    def _note_one(self, where: Where, is_out: bool) -> None:
        _keep(self._out_since, where, is_out, self.step)
        is_muted = self.is_muted(*where)
        if where in self._muted_since and not is_muted:
            self._muted_until[where] = self.step
        _keep(self._muted_since, where, is_muted, self.step)


def _keep(since: dict[Where, int], where: Where, holds: bool, step: int) -> None:
    if holds:
        since.setdefault(where, step)
    else:
        since.pop(where, None)
