"""Breaks lines into rows for a terminal, so that the terminal never does it.

A terminal continues a line that is too wide at its left edge, where only this program writes: there, the
text of a stranger could look like somebody else's message. So every row fits the screen, and callers indent
all rows but the first.

- A link that is wider than the screen stays whole, so that it can be clicked and copied. It has no spaces,
  and what could be taken for a message in it is broken like any other text.
- What looks like the start of a message begins a row. When the window gets narrower, terminals fold the rows
  that they have: what begins a row is then still behind its indent, and not at the edge.
"""

import re
from collections.abc import Iterator
from unicodedata import category

from prompt_toolkit.utils import get_cwidth

__all__ = ["break_head", "cut", "indent_for", "width_of", "wrap"]

INDENT = 8

_WORDS = re.compile(r"\s+|\S+")
_CLUSTERS = re.compile("(?s:.)(?:[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]|(?<=\u200d).)*")
_LINK = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
_TIME = r"(?:\d\d:\d\d|--:--)"
_LIKE_OURS = re.compile(rf"{_TIME}~")
_START = re.compile(rf"(?={_TIME}[ ~](?:[\w.-]{{1,32}}(?: \([^)]{{0,40}}\))?:|\* ))")


def indent_for(columns: int) -> int:
    """Return by how many cells all rows but the first are indented, which is less on a very small screen."""
    return min(INDENT, columns // 2)


def wrap(line: str, first: int, width: int) -> Iterator[str]:
    """Break a sanitized line into rows: the first has ``first`` cells, and all others have ``width``.

    ``first`` may be 0 or less if there is no space beside what the caller writes there.
    """
    begin, *others = _START.split(line.rstrip())
    if begin or first < width or not others:
        yield from _rows(begin, first, width)
    for part in others:
        yield from _rows(part, width, width)


def break_head(parts: list[tuple[str, str]], columns: int) -> tuple[list[tuple[str, str]], int]:
    """Break the head of a message, as styled parts; return them with the cells that its last row takes."""
    indent, used = indent_for(columns), 0
    broken: list[tuple[str, str]] = []
    for style, text in parts:
        row = ""
        for cluster in _CLUSTERS.findall(text):
            size = width_of(cluster)
            if used + size > columns:
                if cluster.isspace():  # at the end of a row nobody misses it
                    continue
                row, used = f"{row}\n{' ' * indent}", indent
            row, used = row + cluster, used + size
        broken.append((style, row))
    return broken, used


def cut(text: str, columns: int) -> str:
    """Return a text that has at most so many cells; dots stand for its end if that is missing."""
    if get_cwidth(text) <= columns:
        return text
    while text and get_cwidth(text) > columns - 3:
        text = text[:-1]
    return f"{text}..."


def width_of(text: str) -> int:
    """Return how many cells a text takes at most.

    Terminals disagree about joined emoji, about U+FE0F, and about characters that are newer than they are. A
    row that is counted too wide is only broken early, but the terminal would fold one that is counted too
    narrow, and start at the left edge.
    """
    if text.isascii():
        return len(text)
    return sum(map(_cells, text)) + text.count("\ufe0f")


def _cells(char: str) -> int:
    return 2 if category(char) in ("Cn", "Co") else get_cwidth(char)


def _rows(line: str, first: int, width: int) -> Iterator[str]:
    row, left = "", first
    for word in _pieces(line, width):
        size = width_of(word)
        if size <= left:
            row += word
            left -= size
        else:
            yield row.rstrip()
            row, left = ("", width) if word.isspace() else (word, width - size)
    yield row.rstrip()


def _pieces(line: str, width: int) -> Iterator[str]:
    """Yield words and the space between them; of a word that is too wide, its links and characters."""
    for word in _WORDS.findall(line):
        if width_of(word) <= width:
            yield word
        else:
            yield from _characters(word, width)


def _characters(word: str, width: int) -> Iterator[str]:
    done = 0
    for link in _LINK.finditer(word):
        if not _LIKE_OURS.search(link[0]):
            yield from _clusters(word[done : link.start()], width)
            yield link[0]
            done = link.end()
    yield from _clusters(word[done:], width)


def _clusters(text: str, width: int) -> Iterator[str]:
    for cluster in _CLUSTERS.findall(text):
        if width_of(cluster) <= width:
            yield cluster
        else:  # emoji that are joined, on a very small screen
            yield from cluster
