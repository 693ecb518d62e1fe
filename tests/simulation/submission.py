"""What one call of `Journal.submit` brought, and what has become of it so far."""

from collections.abc import Callable, Sequence

from chatcore.journal import Draft, Outcome, Unavailable

__all__ = ["Done", "Submission"]

Done = Callable[[Sequence[Outcome]], None]


class Submission:
    """Some drafts, their outcomes, and whom to tell."""

    def __init__(self, drafts: Sequence[Draft], done: Done) -> None:
        self.drafts = drafts
        self.done = done
        self.outcomes: list[Outcome] = []

    def refuse_rest(self, retry_after: float) -> None:
        """Refuse everything that is not stored yet."""
        missing = len(self.drafts) - len(self.outcomes)
        self.outcomes += [Unavailable(retry_after)] * missing
