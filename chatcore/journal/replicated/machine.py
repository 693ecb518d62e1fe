"""What an entry does to the state. Everything that has to be the same on each server is decided here.

This reads the entry and the state, and nothing else: no clock, no limits of this server, no chance, no
environment, nothing that depends on a version of Python. Else two servers would have different numbers and
different messages for good. Its other half, which entries count at all, is `chatcore.replication.machine`.
A test runs it under different circumstances and compares the files, and another holds it to what it imports.

The rules are those of entries of version 1:

- A message's number is the position of its entry times `SLOTS`, and its index in that.
- Its time is that of its entry, or the last one of its room if that is later. What expires is decided by the
  latest time of all entries.
- An id that is known decides by the digest of what was posted, as in every journal.
- A room that holds one in a hundred more than it should loses its oldest messages down to that. What is too
  old goes once a minute. Both are counted by entries, so a room in a log that rests stays as it is.

Whoever changes a rule gives it another version, which this one does not apply. So servers of different
versions never differ in silence: the older one stops, and says so.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chatcore.encoding import encode_message, time_text
from chatcore.journal import Conflict, Draft, Outcome, Stored
from chatcore.journal.replicated.state import RecordHeader, StateFile
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.rooms import NO_ROOM, RoomRow
from chatcore.journal.sqlite.seal import checksum
from chatcore.journal.sqlite.statements import Known, NewRow
from chatcore.messages import digest
from chatcore.replication import LogEntry, machine
from chatcore.replication.machine import SECOND, FencedMachine, bounded

__all__ = ["DRAFTS", "SLOTS", "VERSION", "Applied", "Machine", "are_limits", "is_draft"]

VERSION: Final = 1
"""The version of the entries that are written and applied here."""

SLOTS: Final = 4_096
"""Numbers that belong to one position."""

DRAFTS: Final = 512
"""The most drafts in one entry."""

_ALL: Final = -1

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_ROOM = re.compile(r"[a-z0-9._-]{1,64}")
_NAMES = re.compile(rf"{_ROOM.pattern}\n[ -~]{{1,64}}\n[A-Za-z0-9._-]{{1,32}}")  # a room, an id and a nick
_KIND = re.compile(r"[a-z][a-z0-9.-]{0,31}")
_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
_AUTHOR = re.compile(r"[^\x00\ud800-\udfff]{0,1024}")

_CONFLICT = Conflict()


@dataclass(frozen=True, slots=True)
class Applied(machine.Applied):
    """What an entry has done.

    ``outcomes`` are those of its drafts, and ``removed`` says whether there was the room to be removed.
    ``entries`` are the messages as a search index takes them.
    """

    removed: bool | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    messages: list[Stored] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


class _Room:
    """A room while an entry is applied: as it was, and with what came. Times are in microseconds."""

    __slots__ = ("at", "at_text", "head", "known", "messages", "row", "size")

    def __init__(self, row: RoomRow, known: dict[str, Known], at: int) -> None:
        self.row = row
        self.known = known
        self.head, self.messages, self.size = row.head, row.messages, row.size
        self.at = at if row.at is None else max(at, round(row.at * SECOND))
        self.at_text = time_text(_BEGINNING + timedelta(microseconds=self.at))

    def add(self, id_: str, known: Known, size: int) -> None:
        """Add a message."""
        self.known[id_] = known
        self.head, _ = known
        self.messages += 1
        self.size += size


class Machine(FencedMachine[StateFile, RecordHeader, Applied]):
    """Applies entries to a state, one after the other, each within a transaction of the state's."""

    version = VERSION

    def __init__(self, state: StateFile) -> None:
        super().__init__(state, state.header())

    def new_header(self, identity: str) -> RecordHeader:
        """Return what is known of a log of which nothing was read."""
        return RecordHeader(identity=identity, epoch=identity)

    def new_applied(self, applied: machine.Applied) -> Applied:
        """Return what an entry has done so far."""
        return Applied(
            applied.position,
            applied.node,
            applied.term,
            applied.number,
            applied.void,
            applied.begins_epoch,
            applied.forks,
        )

    def is_content(self, content: Mapping[str, Any]) -> bool:
        """Tell whether an entry holds one thing, and all of it as it should be."""
        match content:
            case {"drafts": list(drafts), **rest}:
                holds = len(drafts) <= DRAFTS and all(map(is_draft, drafts))
            case {"remove": str(room), **rest}:
                holds = _ROOM.fullmatch(room) is not None
            case {"limits": dict(limits), **rest}:
                holds = are_limits(limits)
            case _:
                return False
        return holds and not rest

    def do(self, content: Mapping[str, Any], entry: LogEntry, applied: Applied) -> Applied:
        """Do what an entry that counts holds."""
        match content:
            case {"drafts": drafts}:
                self._store([_draft(each) for each in drafts], entry, applied)
            case {"remove": room}:
                return replace(applied, removed=self._remove(room))
            case {"limits": limits}:
                self.header = replace(self.header, limits=self.header.limits.changed(**limits))
                self._shrink_all()
                self.sweep()
            case _:
                pass
        return applied

    def let_time_pass(self) -> None:
        """Forget ids whose time is over."""
        self._state.forget_ids_until(self.header.now / SECOND)

    # --- posts -----------------------------------------------------------------------------------

    def _store(self, drafts: Sequence[Draft], entry: LogEntry, applied: Applied) -> None:
        rooms = self._look_up(drafts, bounded(entry.at))
        rows: list[NewRow] = []
        outcomes, messages, entries = applied.outcomes, applied.messages, applied.entries
        for seq, (name, id_, nick, text, kind, target, author, posted) in enumerate(
            drafts, entry.position * SLOTS
        ):
            room, said = rooms[name], digest(*(posted or (kind, target, text)))
            if (known := room.known.get(id_)) is not None:
                seq_before, said_before = known
                outcomes.append(seq_before if said == said_before else _CONFLICT)
                continue
            prev = room.head
            line = encode_message(name, seq, prev, id_, nick, text, room.at_text, kind, target)
            crc = checksum(seq, prev, id_.encode(), line)
            room.add(id_, (seq, said), len(line))
            messages.append(Stored(name, seq, prev, id_, line))
            entries.append((room.at, name, seq, prev, nick, text))
            rows.append((room.row.number, seq, prev, id_, room.at / SECOND, None, line, said, author, crc))
            outcomes.append(seq)
        self._state.insert(rows)
        self._note({name: room for name, room in rooms.items() if room.head > room.row.head})

    def _look_up(self, drafts: Sequence[Draft], at: int) -> dict[str, _Room]:
        ids: dict[str, list[str]] = {}
        for draft in drafts:
            ids.setdefault(draft.room, []).append(draft.id)
        rows = self._state.rooms(ids)
        known = self._state.known({row.number: ids[name] for name, row in rows.items() if row.head})
        return {name: _Room(row, known.get(row.number, {}), at) for name, row in rows.items()}

    def _note(self, grown: Mapping[str, _Room]) -> None:
        self._state.grow(
            (room.row.number, name, room.head, room.at / SECOND, room.messages, room.size)
            for name, room in grown.items()
        )
        self._state.enlist(room.row.number for room in grown.values() if room.row.removed)
        limits = self.header.limits
        for room in grown.values():
            too_many = _is_over(room.messages, limits.history_messages)
            if too_many or (_is_over(room.size, limits.history_bytes) and room.messages > 1):
                self._expire(room.row.number)

    # --- what is forgotten -----------------------------------------------------------------------

    def _remove(self, name: str) -> bool:
        room = self._state.room(name) or NO_ROOM
        if not room.head or (room.removed and not room.messages):
            return False
        self._state.remove_through(room.number, room.head, until=self._until, at_most=_ALL)
        self._state.unlist(room.number, room.head)
        return True

    def forget_old(self) -> None:
        """Forget what is too old, wherever it is."""
        if (since := self._since) is not None:
            for room in self._state.rooms_before(since):
                self._expire(room)

    def _shrink_all(self) -> None:
        limits = self.header.limits
        for room in self._state.rooms_over(limits.history_messages, limits.history_bytes):
            self._expire(room)

    def _expire(self, room: int) -> None:
        limits, now = self.header.limits, self.header.now / SECOND
        self._state.expire(
            room,
            keep=limits.history_messages,
            keep_bytes=limits.history_bytes,
            since=self._since,
            now=now,
            until=self._until,
            at_most=_ALL,
        )

    @property
    def _since(self) -> float | None:
        seconds = self.header.limits.history_seconds
        return None if seconds is None else self.header.now / SECOND - seconds

    @property
    def _until(self) -> float:
        return self.header.now / SECOND + self.header.limits.dedupe_seconds


# --- what an entry may hold ----------------------------------------------------------------------


def are_limits(limits: Mapping[str, object]) -> bool:
    """Tell whether all of these are limits of the log, with values that they may have."""
    return all(name in _LIMITS and _LIMITS[name](value) for name, value in limits.items())


def _draft(fields: Sequence[Any]) -> Draft:
    room, id_, nick, text, *rest = fields
    if not rest:
        return Draft(room, id_, nick, text)
    kind, target, author, posted = rest
    return Draft(room, id_, nick, text, kind, target, author, None if posted is None else tuple(posted))


def is_draft(fields: object) -> bool:
    """Tell whether this is a draft as an entry may have it."""
    if not isinstance(fields, list) or len(fields) not in (4, 8):
        return False
    room, id_, nick, text, *rest = fields
    return _are_names(room, id_, nick) and _is_text(text) and (not rest or _is_unusual(*rest))


def _are_names(room: object, id_: object, nick: object) -> bool:
    are_texts = isinstance(room, str) and isinstance(id_, str) and isinstance(nick, str)
    return are_texts and _NAMES.fullmatch(f"{room}\n{id_}\n{nick}") is not None


def _is_unusual(kind: object, target: object, author: object, posted: object) -> bool:
    is_author = author is None or (isinstance(author, str) and _AUTHOR.fullmatch(author) is not None)
    return is_author and _is_kind(kind, target) and (posted is None or _is_posted(posted))


def _is_posted(posted: object) -> bool:
    match posted:
        case [kind, target, str(text)]:
            return _is_kind(kind, target) and _is_text(text)
        case _:
            return False


def _is_kind(kind: object, target: object) -> bool:
    is_kind = kind is None or (isinstance(kind, str) and _KIND.fullmatch(kind) is not None)
    return is_kind and (target is None or _is_count(target))


def _is_text(text: object) -> bool:
    return isinstance(text, str) and _TEXT.fullmatch(text) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value < 2**53


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= 2**32  # type: ignore[operator]  # a number


_LIMITS: Final[Mapping[str, Callable[[object], bool]]] = {
    "dedupe_seconds": _is_seconds,
    "history_messages": lambda value: value is None or _is_count(value),
    "history_bytes": lambda value: value is None or _is_count(value),
    "history_seconds": lambda value: value is None or _is_seconds(value),
}


def _is_over(size: int, limit: int | None) -> bool:
    return limit is not None and size > limit + limit // 100
