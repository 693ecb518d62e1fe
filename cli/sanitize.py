"""Makes a text by others harmless to print: it can be seen, and does nothing else.

Everything that a server sent goes through here before it is drawn: texts, names, error messages. The result
is one line without anything that a terminal obeys, that changes the direction or order of what is next to it,
or that is invisible.

- Control characters become their pictures (U+2400 and after), if they have one.
- Invisible characters that no language needs become U+FFFD: they are there to deceive.
- Invisible characters that some language needs are removed. So are characters that join or vary others,
  except inside an emoji, which would fall apart without them.
- More than a few combining marks on one character are removed; a mark without a character gets a dotted
  circle.
"""

import re
from collections.abc import Iterator
from unicodedata import category

__all__ = ["sanitize", "sanitize_lines"]

MOST_MARKS = 5
"""Combining marks on one character. No language stacks more; pranks stack hundreds."""

MOST_JOINED = 6
"""Emoji that are joined into one. The longest in use have four."""

TAB = 8

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_CIRCLE = "\N{DOTTED CIRCLE}"

_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "\N{SYMBOL FOR DELETE}"}

# Soft hyphen, the joiners of Persian and Indic scripts, the direction marks of Arabic and Hebrew, the byte
# order mark that some editors copy along, and the selectors of variants of a character.
_REMOVED = re.compile(
    "[\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200c-\u200f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)

# Unicode calls these formats, but they are visible: they enclose the digits that follow.
_VISIBLE = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")

# Letters and unassigned code points that are drawn as nothing at all, and the tag characters.
_INVISIBLE = re.compile("[\u115f\u1160\u2065\u3164\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]")

# Vowels and final consonants of Hangul stack on the first consonant and take no cells.
_STACKED = re.compile("[\u1161-\u11ff\ud7b0-\ud7fb]")

_EMOJI = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
)
_EMOJI_SEQUENCE = re.compile(
    f"({_EMOJI}(?:\u200d{_EMOJI}){{0,{MOST_JOINED - 1}}}|[0-9#*]\ufe0f?\u20e3)"  # or a keycap
)


def sanitize(text: str) -> str:
    """Return a text as one harmless line, in which a newline is a picture too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(text.expandtabs(TAB)))


def sanitize_lines(text: str) -> list[str]:
    """Return the lines of a text, each harmless."""
    return [sanitize(line) for line in text.split("\n")]


def _harmless(text: str) -> Iterator[str]:
    marks: int | None = None  # on the last character; None if there is none
    for index, piece in enumerate(_EMOJI_SEQUENCE.split(text)):
        if index % 2:  # an emoji, caught by the group
            marks = 0
            yield piece
            continue
        for char in piece:
            if _REMOVED.match(char):
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
    if char != _UNKNOWN and _INVISIBLE.match(char):
        return _UNKNOWN
    if category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _VISIBLE:
        return _UNKNOWN
    return char
