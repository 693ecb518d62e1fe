"""Where a text may be cut: between two characters as people see them.

A person sees one character where Unicode has several code points: a letter and its accents, a flag, a family
of emoji, a syllable of Hangul or Devanagari. The rules are those of UAX 29, from what Python knows of each
code point. Where that does not suffice, two are kept together: a cut that could be is missed then, and none
is made that must not be.
"""

from unicodedata import category, combining

__all__ = ["can_cut", "last_cut"]

_VIRAMA = 9
"""The combining class of the sign that joins two consonants in the scripts of India."""

_PREPENDED = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd"
)
_EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def can_cut(text: str, at: int, start: int = 0) -> bool:
    """Tell whether a text, which was cut before ``start``, may be cut before the character ``at``."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return (before, after) != ("\r", "\n")
    if _extends(after) or before == "\u200d" or before in _PREPENDED:
        return False
    if combining(before) == _VIRAMA and category(after) == "Lo":
        return False
    return not (_is_flag(before) and _is_flag(after) and _flags(text, start, at) % 2) and not (
        _is_leading(before) and (_is_leading(after) or "\uac00" <= after <= "\ud7a3")
    )


def last_cut(text: str, start: int, end: int) -> int:
    """Return the last place after ``start`` and up to ``end`` where a text may be cut.

    Where a single character is longer than that, it is ``end``.
    """
    return next((at for at in range(end, start, -1) if can_cut(text, at, start)), end)


def _extends(char: str) -> bool:
    """Tell whether a character belongs to what comes before it."""
    return (
        category(char) in ("Mn", "Mc", "Me")
        or char in _EXTENDING
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7fb"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_leading(char: str) -> bool:
    """Tell whether a character is a consonant that begins a syllable of Hangul."""
    return "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c"


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flags(text: str, start: int, at: int) -> int:
    """Return how many halves of flags stand before a place, without anything between them."""
    first = at
    while first > start and _is_flag(text[first - 1]):
        first -= 1
    return at - first
