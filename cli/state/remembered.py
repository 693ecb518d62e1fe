"""What a slot's records mean together.

Records are applied one after the other, and any of them may be applied twice. A record or a field that is
unknown is skipped: a newer client has written it. Everything has a bound, since a slot lives for years.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chatcore import UsageError, fold
from cli.state.records import Record, encode

__all__ = ["VERSION", "Draft", "Header", "Mention", "OtherRoom", "Remembered", "RoomMark", "UnsentLine"]

VERSION = 1

MOST_ROOMS = 256
MOST_IGNORED = 1_000
MOST_HIGHLIGHTS = 100
MOST_MENTIONS = 200
MOST_MENTION_CHARS = 200
MOST_DRAFT_CHARS = 64 * 1024
MOST_CHARS_OF_DRAFTS = 4 * MOST_DRAFT_CHARS
MOST_SETTLED = 200


@dataclass(frozen=True, slots=True)
class Header:
    """Whose slot it is: an address in full, and who we are there. Ids are known there for so long."""

    server: str
    who: str
    dedupe_seconds: float | None = None

    def record(self) -> Record:
        """Return it as a record."""
        return {
            "v": VERSION,
            "server": self.server,
            "who": self.who,
            "dedupe_seconds": self.dedupe_seconds,
        }


@dataclass(frozen=True, slots=True)
class RoomMark:
    """A room that we are in, by its number, and up to where it was read, and when."""

    name: str
    number: int
    epoch: str
    read: int
    read_at: datetime

    def record(self) -> Record:
        """Return it as a record."""
        return {
            "room": self.name,
            "number": self.number,
            "epoch": self.epoch,
            "read": self.read,
            "read_at": self.read_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class UnsentLine:
    """A line that the server has not acknowledged. ``typed`` is a time of the wall clock.

    ``behind`` is the epoch and the number of the last entry of its room at that time, and ``sent`` the time
    when it was sent first, or might have been.
    """

    id: str
    room: str
    kind: str | None
    text: str
    typed: float
    behind: tuple[str, int] | None = None
    sent: float | None = None

    @property
    def size(self) -> int:
        """How many bytes its record takes."""
        return len(encode(self.record()))

    @property
    def shown(self) -> str:
        """What the user has typed."""
        return f"/me {self.text}" if self.kind == "action" else self.text

    def record(self) -> Record:
        """Return it as a record."""
        return {
            "unsent": self.id,
            "room": self.room,
            "kind": self.kind,
            "text": self.text,
            "typed": self.typed,
            "sent": self.sent,
            "behind": self.behind,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that is being typed in a room; an empty one is none."""

    room: str
    text: str

    def record(self) -> Record:
        """Return it as a record."""
        return {"draft": self.text[:MOST_DRAFT_CHARS], "room": self.room}


@dataclass(frozen=True, slots=True)
class Mention:
    """A message that mentions us, and that nobody has seen: it is above its room's read mark."""

    room: str
    epoch: str
    seq: int
    nick: str
    text: str

    def record(self) -> Record:
        """Return it as a record."""
        return {
            "mention": self.room,
            "epoch": self.epoch,
            "seq": self.seq,
            "nick": self.nick,
            "text": self.text[:MOST_MENTION_CHARS],
        }


@dataclass(frozen=True, slots=True)
class OtherRoom:
    """A room that only a client was in which is gone, and how many mentions there nobody has seen."""

    name: str
    mentions: int

    def record(self) -> Record:
        """Return it as a record."""
        return {"other": self.name, "mentions": self.mentions}


@dataclass(slots=True)
class Remembered:
    """The content of a slot. Rooms and drafts are found by the folded name of the room.

    ``muted`` are names of rooms, ``ignored`` are nicks, and ``highlights`` are words, by their folded form.
    ``nick`` is the one that was chosen last. ``settled`` has the rooms of the last lines that were sent, by
    their ids: they are ours, whatever nick we had then. ``others`` are for the user to hear of, once.
    """

    header: Header
    session: str | None = field(default=None, repr=False)
    nick: str | None = None
    current: str | None = None
    rooms: dict[str, RoomMark] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    unsent: dict[str, UnsentLine] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)
    mentions: dict[tuple[str, int], Mention] = field(default_factory=dict)
    others: dict[str, OtherRoom] = field(default_factory=dict)
    muted: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    highlights: dict[str, str] = field(default_factory=dict)

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records. Raises `UsageError` for those of a later version."""
        for record in records:
            if record.get("v", VERSION) != VERSION:
                raise UsageError("it was written by a newer version of this program")
            try:
                self._apply(record)
            except (KeyError, TypeError, ValueError):
                continue

    def records(self) -> Iterator[Record]:
        """Yield the records that make this content out of nothing."""
        yield self.header.record()
        if self.session is not None:
            yield {"session": self.session}
        if self.nick is not None:
            yield {"nick": self.nick}
        for id_, room in self.settled.items():
            yield {"settled": id_, "room": room}
        for held in (self.rooms, self.drafts, self.unsent, self.mentions, self.others):
            for item in held.values():
                yield item.record()
        named = (("muted", self.muted), ("ignored", self.ignored), ("highlight", self.highlights))
        for kind, names in named:
            for name in names.values():
                yield {kind: name, "on": True}
        if self.current is not None:
            yield {"current": self.current}

    @property
    def is_empty(self) -> bool:
        """Whether it is only whose slot it is."""
        return all("v" in record for record in self.records())

    def begin_as(self, other: "Remembered") -> None:
        """Begin beside another client: in its rooms, after its marks, and without those it does not hear."""
        self.rooms, self.current = dict(other.rooms), other.current
        self.muted, self.ignored = dict(other.muted), dict(other.ignored)
        self.highlights = dict(other.highlights)

    def take_over(self, other: "Remembered") -> None:
        """Take over what a client which is gone has left.

        These are its lines, the mentions that nobody has seen, and the drafts of rooms that have none. Rooms
        that only that one was in are named, with the number of mentions there.
        """
        self.unsent.update(other.unsent)
        self.settled.update(other.settled)
        for draft in other.drafts.values():
            if fold(draft.room) not in self.drafts:
                self._set_draft(draft)
        for mention in other.mentions.values():
            if fold(mention.room) in self.rooms:
                self._add_mention(mention)
        found = [OtherRoom(mark.name, len(other.mentions_in(name))) for name, mark in other.rooms.items()]
        for room in (*other.others.values(), *found):
            if fold(room.name) not in self.rooms:
                self._add_other(room)

    def is_own(self, id_: str, room: str) -> bool:
        """Tell whether a message of a room is a line of ours."""
        line = self.unsent.get(id_)
        ours = self.settled.get(id_) if line is None else line.room
        return ours is not None and fold(ours) == fold(room)

    def in_order(self) -> list[RoomMark]:
        """Return the rooms, by their numbers."""
        return sorted(self.rooms.values(), key=lambda mark: mark.number)

    def mentions_in(self, room: str) -> list[Mention]:
        """Return the mentions in a room that nobody has seen."""
        return [mention for (name, _), mention in self.mentions.items() if name == fold(room)]

    def _apply(self, record: Record) -> None:
        match record:
            case {"v": _, "dedupe_seconds": seconds}:
                known = None if seconds is None else float(seconds)
                self.header = Header(self.header.server, self.header.who, known)
            case {"session": str(session)}:
                self.session = session
            case {"current": str(room)}:
                self.current = room
            case {"unsent": str(id_)}:
                self.unsent[id_] = _unsent(record)
                self.settled.pop(id_, None)
            case {"settled": str(id_)}:
                self._settle(id_, record.get("room"))
            case {"draft": str(text), "room": str(room)}:
                self._set_draft(Draft(room, text))
            case {"mention": str(room)}:
                self._add_mention(_mention(room, record))
            case {"other": str(room), "mentions": int(mentions)}:
                self._add_other(OtherRoom(room, mentions))
            case {"others": "shown"}:
                self.others.clear()
            case {"muted": str(room), "on": bool(on)}:
                _set(self.muted, room, MOST_ROOMS, on=on)
            case {"ignored": str(nick), "on": bool(on)}:
                _set(self.ignored, nick, MOST_IGNORED, on=on)
            case {"highlight": str(word), "on": bool(on)}:
                _set(self.highlights, word, MOST_HIGHLIGHTS, on=on)
            case {"room": str(room), "left": True}:
                self._leave(fold(room))
            case {"room": str(room)}:
                self._set_room(_mark(room, record))
            case {"nick": str(nick)}:  # after the mentions, which have one too
                self.nick = nick
            case _:
                pass

    def _settle(self, id_: str, room: str | None) -> None:
        line = self.unsent.pop(id_, None)
        if line is not None or room is not None:
            self.settled[id_] = str(room) if line is None else line.room
        while len(self.settled) > MOST_SETTLED:
            del self.settled[next(iter(self.settled))]

    def _set_draft(self, draft: Draft) -> None:
        self.drafts.pop(fold(draft.room), None)
        if draft.text and len(self.drafts) < MOST_ROOMS:
            self.drafts[fold(draft.room)] = draft
        while sum(len(each.text) for each in self.drafts.values()) > MOST_CHARS_OF_DRAFTS:
            del self.drafts[next(iter(self.drafts))]

    def _set_room(self, mark: RoomMark) -> None:
        name = fold(mark.name)
        if name not in self.rooms and len(self.rooms) >= MOST_ROOMS:
            return
        self.rooms[name] = mark
        for mention in self.mentions_in(name):
            if mention.epoch != mark.epoch or mention.seq <= mark.read:
                del self.mentions[name, mention.seq]

    def _leave(self, name: str) -> None:
        self.rooms.pop(name, None)
        self.drafts.pop(name, None)
        for mention in self.mentions_in(name):
            del self.mentions[name, mention.seq]
        if self.current is not None and fold(self.current) == name:
            self.current = None

    def _add_other(self, room: OtherRoom) -> None:
        known = self.others.get(fold(room.name), room)
        if fold(room.name) in self.others or len(self.others) < MOST_ROOMS:
            self.others[fold(room.name)] = OtherRoom(known.name, max(known.mentions, room.mentions))

    def _add_mention(self, mention: Mention) -> None:
        name = fold(mention.room)
        mark = self.rooms.get(name)
        if mark is not None and mark.epoch == mention.epoch and mark.read >= mention.seq:
            return
        self.mentions[name, mention.seq] = mention
        while len(self.mentions) > MOST_MENTIONS:
            del self.mentions[next(iter(self.mentions))]


def _set(names: dict[str, str], name: str, most: int, *, on: bool) -> None:
    if not on:
        names.pop(fold(name), None)
    elif len(names) < most:
        names.setdefault(fold(name), name)


def _mark(room: str, record: dict[str, Any]) -> RoomMark:
    read_at = datetime.fromisoformat(record["read_at"])
    number, read = int(record["number"]), int(record["read"])
    return RoomMark(room, number, str(record["epoch"]), read, read_at)


def _unsent(record: dict[str, Any]) -> UnsentLine:
    kind, behind = record.get("kind"), record.get("behind")
    sent = record.get("sent", record["typed"])
    return UnsentLine(
        id=str(record["unsent"]),
        room=str(record["room"]),
        kind=None if kind is None else str(kind),
        text=str(record["text"]),
        typed=float(record["typed"]),
        behind=None if behind is None else (str(behind[0]), int(behind[1])),
        sent=None if sent is None else float(sent),
    )


def _mention(room: str, record: dict[str, Any]) -> Mention:
    return Mention(room, str(record["epoch"]), int(record["seq"]), str(record["nick"]), str(record["text"]))
