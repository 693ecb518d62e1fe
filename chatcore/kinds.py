"""The kinds of posts that this version knows, and which of them have a target.

The rule is one for both sides, and for the program that embeds a hub. Readers keep a kind that they do not
know, and show its text. Whoever takes a post refuses such a kind, even if a later version knows it: what is
stored today would be obeyed then.
"""

from chatcore.errors import ErrorCode

__all__ = ["kind_problem"]

_KINDS = frozenset({"action", "notice"})
_OWN = "x."
"""How an application's own kinds begin. Only they have targets."""


def kind_problem(kind: str | None, target: int | None) -> tuple[ErrorCode, str] | None:
    """Return why a kind is refused, or a target with it: a code, and words. ``None`` stands for a text."""
    if kind is not None and kind.startswith(_OWN) and kind != _OWN:
        return None
    if kind is not None and kind not in _KINDS:
        return "unknown_kind", f"this server does not know the kind {kind}"
    if target is not None:
        return "bad_frame", f"a post of the kind {kind or 'text'} has no target"
    return None
