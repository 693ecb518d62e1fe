"""A room as a server sends it to its members, for tests that put faults into it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from chatcore import Ack, Gap, Joined, Message, Ping, Presence, ServerFrame, encode
from cli.load.ledger import Ledger
from cli.load.plan import Plan
from cli.load.reader import Reader
from cli.load.verifier import Verifier

__all__ = ["NOISE", "PLAN", "Room", "gap", "lines", "messages"]

PLAN = Plan(
    run="run",
    members=3,
    posters=2,
    stalled=0,
    rate=None,
    window=1,
    seconds=1.0,
    payload=20,
    room="bench",
)
AT = datetime(2026, 8, 5, tzinfo=UTC)

# Lines between messages, some of which start like a message.
NOISE = [
    encode(Presence(room="bench", count=3)),
    encode(Ping()),
    encode(Ack(room="bench", id="run-0-0", seq=1, durability="memory")),
    b'{"type":"message of a later version"}\n',
    b"\n",
]


def messages(seqs: Sequence[int], after: int = 0) -> list[Message]:
    """Return the messages of two posters in turn, with these numbers."""
    posts = [PLAN.post(number % 2, number // 2) for number in range(len(seqs))]
    return [
        Message(room="bench", seq=seq, prev=prev, id=post.id, nick="ada", text=post.text, at=AT)
        for post, (prev, seq) in zip(posts, pairwise([after, *seqs]), strict=True)
    ]


def lines(said: Iterable[Message]) -> list[bytes]:
    """Return messages as lines."""
    return [encode(message) for message in said]


def gap(after: int, through: int) -> bytes:
    """Return a gap as a line."""
    return encode(Gap(room="bench", after=after, through=through, reason="expired"))


class Room:
    """Readers of one room whose posts are all acknowledged."""

    def __init__(self, said: Sequence[Message], readers: int, *, after: int = 0, limit: int = 2**20) -> None:
        self.ledger = Ledger(PLAN)
        self.verifier = Verifier("bench", self.ledger, limit)
        self.frames: list[ServerFrame] = []
        for message in said:
            _, poster, number = message.id.split("-")
            self.ledger.sent(PLAN.post(int(poster), int(number)), int(poster), int(number), 1.0)
            self.ledger.acknowledged(message.id)
        self.readers: list[Reader] = []
        for _ in range(readers):
            self.join(after)

    def join(self, after: int) -> None:
        """Let a reader join after a position."""
        reader = Reader(self.verifier, self._take_frame)
        reader.join(Joined(room="bench", epoch="e", head=after, after=after, count=1))
        self.readers.append(reader)

    def feed(self, index: int, data: bytes, now: float = 2.0) -> None:
        """Let a reader receive bytes."""
        self.readers[index].feed(memoryview(data), now)

    def settle(self) -> int:
        """End the test; return how many deliveries are lost."""
        for reader in self.readers:
            reader.settle()
        return self.verifier.unshown * len(self.readers) + sum(reader.lost for reader in self.readers)

    def verdicts(self) -> list[tuple[int, int, int, int]]:
        """Return for each reader how many were lost, duplicated, out of order and altered."""
        return [(each.lost, each.duplicated, each.disordered, each.altered) for each in self.readers]

    def _take_frame(self, frame: ServerFrame, now: float) -> None:
        self.frames.append(frame)
