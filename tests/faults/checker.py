"""Decides whether a history keeps what the server promises.

It knows nothing of how the server works, and shares no code with it. It takes what clients sent and received,
and what the log holds in the end, and names every promise that was broken. It states the law of reading once
more, independently of `tests.protocol.reader`: a message's ``prev`` and a gap's ``after`` equal the position.


- ``lost``: acknowledged or delivered, and not in the log, though it has not expired;
- ``false ack``: acknowledged under a number that belongs to something else, or to nothing sent;
- ``duplicated``: one post under two numbers, or one message delivered twice to one reader;
- ``reordered``: delivered, or stored, after a message that follows it;
- ``disagreement``: two readers, or a reader and the log, have different messages under one number;
- ``hole``: a message follows one that its reader did not get, and no gap says so; or a gap
  covers what is available;
- ``own order``: the posts of one client are not in the log in the order in which it sent them;
- ``incomplete``: a client that has read everything has not.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple

from tests.faults.history import Connected, Event, Finished, Log, Received, Sent
from tests.protocol.frames import Ack, Error, Gap, Join, Joined, Message, Post

__all__ = ["Kind", "Violation", "check"]

Kind = Literal[
    "lost",
    "false ack",
    "duplicated",
    "reordered",
    "disagreement",
    "hole",
    "own order",
    "incomplete",
]

FOR_NOW = ("unavailable", "rate_limited")
"""Refusals after which a client sends the same post again."""


class Violation(NamedTuple):
    """A promise that was broken, and how, in words."""

    kind: Kind
    words: str


def check(
    events: Iterable[Event],
    logs: Mapping[str, Log],
    *,
    survives: Collection[str] = ("written", "synced", "replicated"),
) -> list[Violation]:
    """Return what is wrong with a history, nothing if all is well.

    ``survives`` are the durabilities that outlive whatever was done to the server. What was
    acknowledged with a lesser one has to be there only if the epoch is still the same.
    """
    truth = _Truth()
    clients: dict[str, _Client] = {}
    found: list[Violation] = []
    for event in events:
        client = clients.setdefault(event.client, _Client(event.client, truth))
        found += client.take(event)
    for room, log in logs.items():
        found += _judge_log(room, log)
        found += truth.compare(room, log)
    for client in clients.values():
        found += client.judge(logs, survives)
    return found


class _Truth:
    """What any reader saw under each number, in each epoch of a room."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], dict[int, Message]] = {}
        self._numbers: dict[tuple[str, str, str], int] = {}

    def take(self, client: str, epoch: str, message: Message) -> Iterator[Violation]:
        """Compare what a reader saw with what others did."""
        known = self._seen.setdefault((message.room, epoch), {}).setdefault(message.seq, message)
        if known != message:
            yield Violation("disagreement", f"{client} saw {message}, and another {known}")
        number = self._numbers.setdefault((message.room, epoch, message.id), message.seq)
        if number != message.seq:
            yield Violation("duplicated", f"{client} saw {message}, which is also number {number}")

    def compare(self, room: str, log: Log) -> Iterator[Violation]:
        """Compare what readers saw with the log."""
        recorded = {message.seq: message for message in log.messages}
        for seq, message in sorted(self._seen.get((room, log.epoch), {}).items()):
            if seq > log.base and recorded.get(seq) != message:
                kind: Kind = "lost" if seq not in recorded else "disagreement"
                yield Violation(kind, f"{message} was delivered; stored is {recorded.get(seq)}")


class _Reader:
    """One client's reading of one room: a position, and the law that moves it."""

    def __init__(self, client: str, truth: _Truth) -> None:
        self.client = client
        self.epoch = ""
        self.position = 0
        self.here = False
        self._truth = truth
        self._ids: set[str] = set()

    def joined(self, frame: Joined, asked: Join | None) -> Iterator[Violation]:
        """Begin to read, or resume."""
        after = asked.after if asked else None
        if after is not None and self.epoch == after.epoch and self.position != after.seq:
            kind: Kind = "hole" if self.position < after.seq else "duplicated"
            yield Violation(kind, f"{self.client} read up to {self.position}, and resumed after {after.seq}")
        if after is not None:
            resumes = after.epoch == frame.epoch and after.seq <= frame.head
            expected = after.seq if resumes else 0
            if frame.after != expected:
                kind = "hole" if frame.after > expected else "duplicated"
                yield Violation(kind, f"{self.client} resumed after {after.seq}, and got {frame}")
        if self.epoch != frame.epoch or after is None or frame.after == 0:
            self._ids.clear()
        self.epoch, self.position, self.here = frame.epoch, frame.after, True

    def message(self, message: Message) -> Iterator[Violation]:
        """Read a message."""
        yield from self._truth.take(self.client, self.epoch, message)
        if not self.here:
            yield Violation("hole", f"{self.client} is not in the room, and saw {message}")
        elif message.id in self._ids:
            yield Violation("duplicated", f"{self.client} saw {message} again")
        elif message.seq <= self.position:
            yield Violation("reordered", f"{self.client} was at {self.position}, and saw {message}")
        elif message.prev != self.position:
            yield Violation("hole", f"{self.client} was at {self.position}, and saw {message}")
        self._ids.add(message.id)
        self.position = max(self.position, message.seq)

    def gap(self, gap: Gap) -> Iterator[Violation]:
        """Learn what is missing."""
        if gap.after != self.position or gap.through < gap.after:
            yield Violation("hole", f"{self.client} was at {self.position}, and got {gap}")
        self.position = max(self.position, gap.through)


class _Client:
    """What one client sent and received."""

    def __init__(self, name: str, truth: _Truth) -> None:
        self._name = name
        self._truth = truth
        self._readers: dict[str, _Reader] = {}
        self._joins: dict[str, Join] = {}
        self._posts: dict[tuple[str, str], Post] = {}  # by room and id, in the order of the first sending
        self._acks: dict[tuple[str, str], tuple[Ack, str]] = {}  # with the epoch in which they came
        self._refused: dict[tuple[str, str], str] = {}
        self._gaps: list[tuple[Gap, str]] = []  # with their epochs
        self._finished: dict[str, tuple[str, int]] = {}

    def take(self, event: Event) -> Iterator[Violation]:
        """Take what happened next."""
        match event:
            case Connected():
                for reader in self._readers.values():
                    reader.here = False
            case Finished(room=room):
                reader = self._reader(room)
                self._finished[room] = (reader.epoch, reader.position)
            case Sent(frame=Post() as post):
                first = self._posts.setdefault((post.room, post.id), post)
                assert first.text == post.text, f"{self._name} gave one id to two texts"
            case Sent(frame=Join() as join):
                self._joins[join.room] = join
            case Received(frame=Joined() as joined):
                yield from self._reader(joined.room).joined(joined, self._joins.pop(joined.room, None))
            case Received(frame=Message() as message):
                yield from self._reader(message.room).message(message)
            case Received(frame=Gap() as gap):
                yield from self._reader(gap.room).gap(gap)
                self._gaps.append((gap, self._reader(gap.room).epoch))
            case Received(frame=Ack() as ack):
                yield from self._acknowledge(ack)
            case Received(frame=Error(id=str(id_), room=str(room), code=code)) if (room, id_) in self._posts:
                self._refused[room, id_] = code
            case _:
                pass

    def judge(self, logs: Mapping[str, Log], survives: Collection[str]) -> Iterator[Violation]:
        """Compare all of it with the log."""
        for (room, id_), (ack, epoch) in self._acks.items():
            log = logs.get(room, Log(""))
            if ack.durability in survives or epoch == log.epoch:
                yield from self._judge_ack(ack, epoch, self._posts[room, id_], log)
        for gap, epoch in self._gaps:
            log = logs.get(gap.room, Log(""))
            if gap.reason == "expired" and epoch == log.epoch and gap.through > log.base:
                yield Violation("hole", f"{self._name} got {gap}, but all after {log.base} is there")
        for room in {room for room, _ in self._posts}:
            yield from self._judge_order(room, logs.get(room, Log("")))
        for room, (epoch, position) in self._finished.items():
            log = logs.get(room, Log(""))
            if (epoch, position) != (log.epoch, log.head):
                yield Violation("incomplete", f"{self._name} ended at {position} of {log.head} in {room}")

    def _reader(self, room: str) -> _Reader:
        return self._readers.setdefault(room, _Reader(self._name, self._truth))

    def _acknowledge(self, ack: Ack) -> Iterator[Violation]:
        if (ack.room, ack.id) not in self._posts:
            yield Violation("false ack", f"{self._name} never sent what {ack} is for")
            return
        epoch = self._reader(ack.room).epoch
        earlier, before = self._acks.setdefault((ack.room, ack.id), (ack, epoch))
        if earlier.seq != ack.seq and before == epoch:
            yield Violation("false ack", f"{self._name} got {earlier}, and then {ack}")

    def _judge_ack(self, ack: Ack, epoch: str, post: Post, log: Log) -> Iterator[Violation]:
        same = log.by_id.get(ack.id)
        if same is None:
            there = log.by_seq.get(ack.seq)
            if there is not None and epoch == log.epoch:
                yield Violation("false ack", f"{self._name} got {ack}, but there is {there}")
            elif ack.seq > log.base:
                yield Violation("lost", f"{self._name} got {ack}, and it is not there")
        elif same.text != post.text or (same.seq != ack.seq and epoch == log.epoch):
            yield Violation("false ack", f"{self._name} sent {post} and got {ack}, but there is {same}")

    def _judge_order(self, room: str, log: Log) -> Iterator[Violation]:
        numbers = {message.id: message.seq for message in log.messages}
        last, skipped = 0, ""
        for (where, id_), post in self._posts.items():
            if where != room:
                continue
            seq = numbers.get(id_)
            if seq is None:
                given_up = self._refused.get((room, id_), "unavailable") not in FOR_NOW
                if not given_up and (room, id_) not in self._acks and not log.base:
                    skipped = skipped or id_
            elif seq < last or skipped:
                yield Violation("own order", f"{self._name}'s {post} is {seq}, after {skipped or last}")
            last = max(last, seq or 0)


def _judge_log(room: str, log: Log) -> Iterator[Violation]:
    ids: dict[str, Message] = {}
    for message in log.messages:
        if ids.setdefault(message.id, message) is not message:
            yield Violation("duplicated", f"stored in {room} are {ids[message.id]} and {message}")
    for one, next_ in pairwise(log.messages):
        if next_.seq <= one.seq:
            yield Violation("reordered", f"stored in {room} are {one} and then {next_}")
        elif next_.prev != one.seq:
            yield Violation("hole", f"stored in {room} are {one} and then {next_}")
