"""The truth: every message that was ever stored, in every life of the record."""

from bisect import bisect_right

from chatcore.messages import Message
from tests.protocol import frames

__all__ = ["Log", "Record"]


class Log:
    """One room in one life of the record. Nothing is ever deleted here: expired is a line drawn.

    Numbers may have holes, so a *position* is the ``seq`` of an entry, or ``start`` before the first.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.messages: list[Message] = []
        self.seqs: list[int] = []
        self.by_id: dict[str, frames.Message] = {}  # as each must look to whoever reads it
        self.expired = 0  # how many of the oldest cannot be read any more
        self.damaged: set[int] = set()  # the `seq` of those that are stored and cannot be read
        self.told = start  # the last `seq` that was reported to the hub
        self.known = start  # the last that the hub may know, since it was reported, or was asked for

    @property
    def head(self) -> int:
        """The last position there is."""
        return self.position(len(self.messages))

    def append(self, message: Message) -> None:
        """Store an entry."""
        self.messages.append(message)
        self.seqs.append(message.seq)
        self.by_id[message.id] = _on_the_line(message)

    def tell(self, seq: int) -> None:
        """Note what is reported."""
        self.told = seq
        self.answer(seq)

    def answer(self, seq: int) -> None:
        """Note what the hub may know from now on."""
        self.known = max(self.known, seq)

    def expire(self, count: int) -> None:
        """Let the oldest entries be gone."""
        self.expired = max(self.expired, count)

    def index_after(self, position: int) -> int:
        """Return the index of the first entry behind a position."""
        return bisect_right(self.seqs, position)

    def position(self, index: int) -> int:
        """Return the position in front of the entry with this index."""
        return self.seqs[index - 1] if index else self.start

    def is_gone(self, after: int, through: int) -> bool:
        """Tell whether nothing between two positions can be read any more."""
        return not self.readable(max(self.expired, self.index_after(after)), self.index_after(through))

    def readable(self, start: int, stop: int) -> list[Message]:
        """Return the entries between two indexes that are not damaged."""
        return [message for message in self.messages[start:stop] if message.seq not in self.damaged]

    def copy(self, count: int) -> "Log":
        """Return a backup that holds the first ``count`` entries; all it holds was told."""
        log = Log(self.start)
        for message in self.messages[:count]:
            log.append(message)
        log.expire(min(self.expired, count))
        log.damaged.update(self.damaged.intersection(log.seqs))
        log.tell(log.head)
        return log


class Record:
    """All lives of the record, by epoch, oldest first; each is a log a room."""

    def __init__(self) -> None:
        self.lives: dict[str, dict[str, Log]] = {}
        self.epoch = ""
        self.others: list[Record] = []  # of hubs that share the log: they may be ahead

    def begin(self, logs: dict[str, Log], epoch: str | None = None) -> str:
        """Make a new life with these rooms, which nobody knows of yet; return its epoch."""
        epoch = epoch or f"life-{len(self.lives) + 1}"
        self.lives[epoch] = logs
        return epoch

    def open(self, epoch: str) -> None:
        """Let a life be the one of now."""
        self.epoch = epoch

    def know(self, others: list["Record"]) -> None:
        """Take the records of the other hubs of a cluster."""
        self.others = others

    def log(self, room: str, epoch: str | None = None) -> Log:
        """Return the log of a room, now or in another life."""
        return self.lives[epoch or self.epoch].setdefault(room, Log())

    def ahead(self, room: str) -> int | None:
        """Return the last position of a room that another hub has reported in this epoch."""
        logs = [other.lives[self.epoch].get(room) for other in self.others if self.epoch in other.lives]
        return max((log.told for log in logs if log is not None), default=None)

    def is_ahead(self, room: str, epoch: str, seq: int) -> bool:
        """Tell whether another hub has a message of this number."""
        logs = [other.lives[epoch].get(room) for other in self.others if epoch in other.lives]
        return any(log is not None and seq in log.seqs for log in logs)

    def find(self, room: str, id_: str) -> dict[str, frames.Message]:
        """Return what is stored under an id, by epoch."""
        found = {epoch: logs[room].by_id.get(id_) for epoch, logs in self.lives.items() if room in logs}
        return {epoch: message for epoch, message in found.items() if message is not None}


def _on_the_line(message: Message) -> frames.Message:
    return frames.Message(
        room=message.room,
        seq=message.seq,
        prev=message.prev,
        id=message.id,
        nick=message.nick,
        kind=message.kind,
        target=message.target,
        text=message.text,
        at=frames.Time(message.at.isoformat().replace("+00:00", "Z")),
    )
