"""The identities of a roster, as rooms and sessions see them: those of this server, and those of others.

There is one object for each identity, however many servers have sessions of it. It changes when an entry of
the log was applied, and whoever shows it is notified then.

All methods run under the hub's lock.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from chatcore.roster.machine import Event, Forgotten, Kicked, Present, Renamed
from chatcore.roster.state import Seat, State
from chatcore.server.directory import Host, Identity
from chatcore.server.directory import Seat as LocalSeat
from chatcore.server.rooms import names_from

__all__ = ["Mirror"]


class Mirror:
    """The identities of one server's roster; ``node`` is its name there."""

    def __init__(self, node: str, host: Host) -> None:
        self._node = node
        self._host = host
        self._identities: dict[str, Identity] = {}  # by their names in the roster
        self._forgotten: dict[str, None] = {}  # those that the roster does not know any more
        self._shown: dict[str, dict[Identity, None]] = {}  # who is in a room on other servers
        self._names: list[str] = []  # of these rooms, in order

    def elsewhere(self, room: str) -> Iterable[Identity]:
        """Return who is in a room on other servers."""
        return self._shown.get(room, ())

    def rooms(self, after: str | None, prefix: str) -> Iterator[str]:
        """Yield the rooms that somebody is in on other servers, by name, after a name and with a prefix."""
        return names_from(self._names, after, prefix)

    def identity(self, state: State, name: str) -> Identity:
        """Return an identity as it is called now, made if there is none."""
        one = state.identities[name]
        found = self._identities.get(name)
        if found is None:
            found = self._identities[name] = Identity(one.nick, one.account)
        return found

    def take(self, state: State, events: Sequence[Event]) -> list[Identity]:
        """Take what an entry has done; return the identities that are forgotten."""
        forgotten = []
        for event in events:
            match event:
                case Renamed(name=name):
                    self.rename(state, name)
                case Present(name=name, room=room):
                    self._settle(state, name, room)
                case Kicked(account=account, room=room, node=node) if node != self._node:
                    self._host.put_out(account, room)
                case Forgotten(name=name) if name in self._identities:
                    identity = self._identities[name]
                    forgotten.append(identity)
                    self._forgotten[name] = None
                case _:
                    pass
        self._tidy(state)
        return forgotten

    def _tidy(self, state: State) -> None:
        """Drop what is forgotten, once no session here uses it: this server may be taken for gone."""
        for name in list(self._forgotten):
            identity = self._identities.get(name)
            if name in state.identities or identity is None:
                del self._forgotten[name]
                self.rename(state, name)  # as a roster said that was older than what was read here
            elif not identity.in_use:
                del self._forgotten[name], self._identities[name]

    def rename(self, state: State, name: str, asked: LocalSeat | None = None) -> None:
        """Call an identity what it is called now, and notify its sessions and rooms."""
        one, identity = state.identities.get(name), self._identities.get(name)
        if one is None or identity is None or one.nick == identity.nick:
            return
        before = identity.nick
        identity.rename(one.nick)
        for seat in identity.seats:
            if seat.session is not None:
                seat.session.note_renamed(before, asked=seat is asked)
        others = [seat for seat in one.seats.values() if seat.node not in (None, self._node)]
        self._host.show_renamed(identity, {room for seat in others for room in seat.rooms}, before)

    def forget_others(self) -> None:
        """Show nobody of another server any more."""
        shown, self._shown, self._names = self._shown, {}, []
        for room, identities in shown.items():
            for identity in identities:
                self._host.show(identity, room, is_there=False)
        self._forgotten = dict.fromkeys(self._identities)

    def _settle(self, state: State, name: str, room: str) -> None:
        """Show an identity in a room if it is there on another server, and not otherwise."""
        one = state.identities.get(name)
        is_there = one is not None and any(self._is_elsewhere(seat, room) for seat in one.seats.values())
        if not is_there and name not in self._identities:
            return
        identity = self.identity(state, name) if is_there else self._identities[name]
        shown = self._shown.get(room)
        if shown is None:
            shown = self._shown[room] = {}
            insort(self._names, room)
        if is_there != (identity in shown):
            if is_there:
                shown[identity] = None
            else:
                del shown[identity]
            self._host.show(identity, room, is_there=is_there)
        if not shown:
            del self._shown[room]
            del self._names[bisect_left(self._names, room)]

    def _is_elsewhere(self, seat: Seat, room: str) -> bool:
        return seat.node not in (None, self._node) and room in seat.rooms
