"""What one server wants to be in the log, in its order: drafts, cut into entries, and requests."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from chatcore.journal import Draft, Outcome, Unavailable
from chatcore.journal.replicated.machine import DRAFTS, Applied, is_draft
from chatcore.journal.sqlite.queue import Submission

__all__ = ["BATCH_BYTES", "Batch", "Posting", "Postings", "Request"]

BATCH_BYTES: Final = 256 * 1024
"""About the most bytes of the drafts in one entry; a single draft may be larger."""

_OVERHEAD: Final = 200  # bytes that a draft may take beyond its text

Part = tuple["Posting", int]
"""A submission, and how many of its drafts are in an entry."""


class Posting:
    """A submission that is on its way to the log, in one entry or several."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self._drafts = [_fields(draft) for draft in submission.drafts]
        self._outcomes: list[Outcome] = []
        self._sent = 0

    @property
    def is_valid(self) -> bool:
        """Whether entries may hold its drafts: one that they may not would make void all that is with it."""
        return all(map(is_draft, self._drafts))

    @property
    def unsent(self) -> Sequence[list[Any]]:
        """The drafts that are in no entry yet, as entries have them."""
        return self._drafts[self._sent :]

    @property
    def is_complete(self) -> bool:
        """Whether each draft has its outcome."""
        return len(self._outcomes) == len(self.submission.drafts)

    def note_sent(self, count: int) -> None:
        """Note that drafts are in an entry."""
        self._sent += count

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of the next drafts."""
        self._outcomes += outcomes

    def refuse_rest(self, retry_after: float) -> None:
        """Refuse all that has no outcome."""
        missing = len(self.submission.drafts) - len(self._outcomes)
        self._outcomes += [Unavailable(retry_after)] * missing

    def answer(self) -> None:
        """Report the outcomes."""
        self.submission.done(self._outcomes)


class Request:
    """Something else that is to be in the log, in an entry of its own. ``take`` is called once."""

    def __init__(self, content: Mapping[str, Any], take: Callable[[Applied | None], None]) -> None:
        self.content = content
        self.take = take


class Batch:
    """Drafts that share an entry, of some submissions."""

    def __init__(self) -> None:
        self.drafts: list[list[Any]] = []
        self.parts: list[Part] = []
        self._size = 0

    def add(self, posting: Posting) -> bool:
        """Add the next drafts of a submission; return whether all of them are in entries now."""
        count = 0
        for draft in posting.unsent:
            size = _size(draft)
            if self.drafts and (len(self.drafts) == DRAFTS or self._size + size > BATCH_BYTES):
                break
            self.drafts.append(draft)
            self._size += size
            count += 1
        posting.note_sent(count)
        self.parts.append((posting, count))
        return not posting.unsent

    def answers(self, outcomes: Sequence[Outcome]) -> Iterator[Posting]:
        """Hand out the outcomes; yield the submissions that are complete."""
        start = 0
        for posting, count in self.parts:
            posting.take(outcomes[start : start + count])
            start += count
            if posting.is_complete:
                yield posting


class Postings:
    """All that is not in an entry yet."""

    def __init__(self) -> None:
        self._waiting: deque[Posting | Request] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, posting: Posting | Request) -> None:
        """Add something."""
        self._waiting.append(posting)

    def next_entry(self) -> Batch | Request:
        """Take what the next entry is to hold; there has to be something."""
        first = self._waiting[0]
        if isinstance(first, Request):
            self._waiting.popleft()
            return first
        batch = Batch()
        while self._waiting and isinstance(posting := self._waiting[0], Posting) and batch.add(posting):
            self._waiting.popleft()
        return batch

    def take_all(self) -> list[Posting | Request]:
        """Take everything."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting


def _size(draft: Sequence[Any]) -> int:
    text, *rest = draft[3:]
    posted = rest[-1][2] if rest and rest[-1] is not None else ""
    return _OVERHEAD + len(text.encode()) + len(posted.encode())


def _fields(draft: Draft) -> list[Any]:
    room, id_, nick, text, kind, target, author, posted = draft
    if kind is None and target is None and author is None and posted is None:
        return [room, id_, nick, text]
    return [room, id_, nick, text, kind, target, author, None if posted is None else [*posted]]
