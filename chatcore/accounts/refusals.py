"""How the accounts say no: what is refused, in the same words for every cause that must look the same."""

from chatcore.gate import Refusal

__all__ = ["UNAUTHORIZED", "UNAVAILABLE", "Refused", "banned"]

UNAUTHORIZED = Refusal("unauthorized", "the key or the invite is missing, or is not valid")
"""The one answer to keys and invites that are unknown, wrong, revoked, used up or expired."""

UNAVAILABLE = Refusal("unavailable", "the accounts cannot be written right now", 1.0)
"""The answer while nothing can be stored."""


class Refused(Exception):
    """Raised within a change to the file: it is undone, and this is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def banned(until: float | None, now: float) -> Refusal:
    """Return the answer to who is banned, with the time until the ban ends."""
    return Refusal("forbidden", "you are banned", None if until is None else until - now)
