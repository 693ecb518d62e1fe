"""Makes a stranger's text harmless to look at: it can be seen, and can do nothing else.

Whatever a server sent goes through here before it is drawn: texts, names, error messages. What
comes out is one line without anything that a terminal obeys, that changes the direction or the
order of what stands beside it, or that takes no room and cannot be seen.

- Control characters become their pictures (U+2400 and on), as far as they have any.
- What cannot be seen and is never needed becomes U+FFFD: someone put it there to deceive.
- What cannot be seen and belongs to the ordinary writing of some language is left out. So is what
  joins or varies characters, unless it stands inside an emoji, which would fall apart without it.
- Marks beyond a few on one character are left out; a mark without a character gets a dotted circle.
"""

import re
from collections.abc import Iterator
from unicodedata import category

__all__ = ["sanitize", "sanitize_lines"]

MOST_MARKS = 5
"""Combining marks on one character: no language stacks more, a prank stacks hundreds."""

MOST_JOINED = 6
"""Emoji joined into one; the longest that are in use have four."""

TAB = 8

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_CIRCLE = "\N{DOTTED CIRCLE}"

_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "\N{SYMBOL FOR DELETE}"}

# Soft hyphen, the joiners of Persian and Indic writing, the direction marks of Arabic and Hebrew, the
# byte order mark that some editors copy along, and what selects a variant of a character.
_LEFT_OUT = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200c-\u200f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)

# Unicode calls these formats, but they are seen: they go around the digits that follow.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")

# Letters and unassigned places that are drawn as nothing at all, and the tag characters.
_UNSEEN = re.compile("[\u115f\u1160\u2065\u3164\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]")

# Vowels and final consonants of Hangul stack on the first consonant without taking room.
_STACKED = re.compile("[\u1161-\u11ff\ud7b0-\ud7fb]")

_EMOJI = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
)
_EMOJI_SEQUENCE = re.compile(
    f"({_EMOJI}(?:\u200d{_EMOJI}){{0,{MOST_JOINED - 1}}}|[0-9#*]\ufe0f?\u20e3)"  # or a keycap
)


def sanitize(text: str) -> str:
    """Return a text as one harmless line; a newline in it becomes a picture too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(text.expandtabs(TAB)))


def sanitize_lines(text: str) -> list[str]:
    """Return the lines of a text, each harmless."""
    return [sanitize(line) for line in text.split("\n")]


def _harmless(text: str) -> Iterator[str]:
    marks: int | None = None  # on the character before; None where there is none to carry any
    for index, piece in enumerate(_EMOJI_SEQUENCE.split(text)):
        if index % 2:  # what the group has caught
            marks = 0
            yield piece
            continue
        for char in piece:
            if _LEFT_OUT.match(char):
                continue
            if not _is_mark(char):
                marks = 0
                yield _harmless_char(char)
                continue
            if marks is None:
                marks = 0
                yield _CIRCLE
            marks += 1
            if marks <= MOST_MARKS:
                yield char


def _is_mark(char: str) -> bool:
    return category(char) in ("Mn", "Mc", "Me") or _STACKED.match(char) is not None


def _harmless_char(char: str) -> str:
    if char in _PICTURES:
        return _PICTURES[char]
    if char != _UNKNOWN and _UNSEEN.match(char):
        return _UNKNOWN
    if category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _SEEN:
        return _UNKNOWN
    return char
