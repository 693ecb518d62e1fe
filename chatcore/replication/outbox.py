"""What a server has appended to a log and not read yet: sent again until it is read, or given up.

- Everything on its way is appended again once a second, in its order. The fence makes void what comes twice.
- What is not read for `GIVE_UP` seconds is given up, with all that was sent after it: whoever asked for it is
  refused. Then a new term begins, with an entry that holds nothing. Once that is read, nothing that was given
  up can count any more, and only then anything new is sent. This is *settling*.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from chatcore.replication.fence import Frame, ReadDigest, write_frame

__all__ = ["GIVE_UP", "ON_THE_WAY", "Outbox"]

ON_THE_WAY: Final = 8
"""The most entries on their way: enough for a log that takes some milliseconds."""

RESEND: Final = 1.0
"""Seconds after which everything is appended again."""

GIVE_UP: Final = 12.0
"""Seconds after which an entry is given up: more than an election among the servers of a log takes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Parcel(Generic[T]):
    number: int
    data: bytes
    answer: Callable[[T | None], None]
    sent_at: float


class Outbox(Generic[T]):
    """The entries of one node, in a version; what they do is a ``T``, decided by whoever reads them.

    ``clock`` gives seconds that never go back. For one thread.
    """

    def __init__(
        self, version: int, node: str, append: Callable[[bytes], None], clock: Callable[[], float]
    ) -> None:
        self.node = node
        self._version = version
        self._append = append
        self._clock = clock
        self._term = 0
        self._following = 0
        self._parcels: deque[_Parcel[T]] = deque()
        self._resend_at = 0.0
        self._settled = True

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def is_settled(self) -> bool:
        """Whether nothing that was given up can count any more."""
        return self._settled

    @property
    def term(self) -> int:
        """The term that it is in, or that `settle` begins."""
        return self._term

    @property
    def free(self) -> int:
        """How many entries may be sent now."""
        return ON_THE_WAY - len(self._parcels) if self._settled else 0

    @property
    def sent(self) -> int:
        """How many entries were sent in this term."""
        return self._following

    @property
    def done(self) -> int:
        """How many of those were read: the first ones."""
        return self._following - len(self._parcels)

    @property
    def next_deadline(self) -> float | None:
        """When `is_late` may change, or something is to be sent again."""
        if not self._parcels:
            return None
        return min(self._resend_at, self._parcels[0].sent_at + GIVE_UP) if self._settled else self._resend_at

    @property
    def is_late(self) -> bool:
        """Whether all of it is to be given up."""
        late = self._clock() - GIVE_UP
        return self._settled and bool(self._parcels) and self._parcels[0].sent_at <= late

    def send(self, content: Mapping[str, Any], seen: ReadDigest, answer: Callable[[T | None], None]) -> None:
        """Append an entry. ``answer`` is called with what it has done, or ``None`` if it was given up."""
        data = write_frame(self._version, Frame(self.node, self._term, self._following, seen, content))
        now = self._clock()
        if not self._parcels:
            self._resend_at = now + RESEND
        self._parcels.append(_Parcel(self._following, data, answer, now))
        self._following += 1
        self._append(data)

    def read(self, node: str, term: int, number: int, result: T) -> None:
        """Take note of an entry that counts, and of what it has done."""
        if node != self.node or term != self._term:
            return
        parcel = self._parcels.popleft()
        assert parcel.number == number, (parcel, result)
        self._settled = True
        self._resend_at = self._clock() + RESEND
        parcel.answer(result)

    def resend(self, *, when_due: bool = True) -> None:
        """Append everything on its way again, if that is due."""
        now = self._clock()
        if self._parcels and (not when_due or now >= self._resend_at):
            self._resend_at = now + RESEND
            for parcel in self._parcels:
                self._append(parcel.data)

    def abandon(self) -> None:
        """Give everything up, in its order, and send nothing before `settle`."""
        parcels, self._parcels = self._parcels, deque()
        self._term, self._following = self._term + 1, 0
        self._settled = False
        for parcel in parcels:
            parcel.answer(None)

    def settle(self, nothing: Mapping[str, Any], seen: ReadDigest) -> None:
        """Begin the next term, after `abandon`; ``nothing`` is a content that does nothing."""
        if not self._settled and not self._parcels:
            self.send(nothing, seen, lambda result: None)
