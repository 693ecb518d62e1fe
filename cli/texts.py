"""The texts of a script, made such that a server takes them: ``chat send``, and ``chat client`` in a pipe.

- What a program writes for a terminal, as loggers write colours, is taken out: see `cli.escapes`. Any other
  control character, and what is not UTF-8, becomes U+FFFD.
- A text that is longer than the server allows is refused, with how long it may be. With ``--split`` it
  becomes several messages. It is cut at a newline or a space where there is one, which is dropped, and never
  inside what a person sees as one character. All messages but the first begin with `CONTINUED`.
"""

import re
from collections.abc import Iterator

from chatcore import RefusedError
from cli.escapes import without_escapes
from cli.graphemes import can_cut, last_cut

__all__ = ["CONTINUED", "check_size", "pieces", "without_controls"]

CONTINUED = "(continued) "
"""How each message but the first of a text begins that was split."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SPACES = "\n \t\N{IDEOGRAPHIC SPACE}"
"""Where a text is cut; a newline before others."""


def without_controls(text: str) -> str:
    """Return a text that a server accepts, unless it is empty by now or too long."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", without_escapes(text))


def check_size(text: str, limit: int | None, *, splits: bool = True) -> None:
    """Raise `RefusedError`, with ``too_long``, if a text has more bytes than the server allows.

    The server would refuse it too. But it ends the connection if the line is far too long. With ``splits``,
    the error says that ``--split`` helps.
    """
    size = len(text.encode())
    if limit is not None and size > limit:
        advice = "; --split sends such a text as several messages" if splits else ""
        raise RefusedError("too_long", f"the text has {size:,} bytes, and the limit is {limit:,}{advice}")


def pieces(text: str, limit: int | None) -> Iterator[str]:
    """Cut a text into pieces of at most ``limit`` bytes of UTF-8, with the word that continues it."""
    if limit is None or len(text.encode()) <= limit:
        yield text
        return
    start, lead = 0, ""
    while start < len(text):
        end, following = _cut(text, start, max(limit - len(lead), 1))
        if piece := text[start:end].rstrip(_SPACES):
            yield lead + piece
            lead = CONTINUED if limit > 2 * len(CONTINUED) else ""
        start = following


def _cut(text: str, start: int, limit: int) -> tuple[int, int]:
    """Return where a piece that begins at ``start`` ends, and where the next one begins: after a space."""
    most = _fitting(text, start, limit)
    if most == len(text):
        return most, most
    middle = start + (most - start) // 2
    for space in _SPACES:
        if (found := text.rfind(space, middle, most + 1)) > 0 and can_cut(text, found + 1, start):
            return found, found + 1
    end = last_cut(text, start, most)
    return end, end


def _fitting(text: str, start: int, limit: int) -> int:
    """Return the end of what has at most ``limit`` bytes, of one character at least."""
    data = text[start : start + limit].encode()[:limit]
    return start + max(len(data.decode(errors="ignore")), 1)
