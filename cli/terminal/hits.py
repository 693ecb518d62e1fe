"""Where a text has what a search has asked for.

The server decides what is found. This only shows a person where, by the same rules as far as they matter to
the eye: without case and accents, whole words, phrases between quotes, and words that begin with what has a
``*`` after it. Han, kana and Hangul are written without spaces, so there any part of a word counts.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["hits"]

_ITEM = re.compile(r'"([^"]*)"?|(\S+)')
_RUN = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u3005-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U000323af]")


def hits(text: str, query: str) -> list[tuple[int, int]]:
    """Return where a text has an item of a query, as pairs of start and end."""
    pattern = _pattern(query)
    if pattern is None:
        return []
    folded, places = _folded(text)
    places.append(len(text))
    return [(places[match.start()], places[match.end()]) for match in pattern.finditer(folded)]


def _folded(text: str) -> tuple[str, list[int]]:
    """Return a text as it is compared, and from which character of it each of those is."""
    pairs = [(each, index) for index, char in enumerate(text) for each in _fold(char)]
    return "".join(each for each, _ in pairs), [index for _, index in pairs]


@lru_cache(maxsize=4_096)
def _fold(char: str) -> str:
    return "".join(
        each for each in unicodedata.normalize("NFKD", char.casefold()) if not unicodedata.combining(each)
    )


@lru_cache(maxsize=8)
def _pattern(query: str) -> re.Pattern[str] | None:
    items = sorted(_items(query), key=len, reverse=True)
    return re.compile("|".join(items)) if items else None


def _items(query: str) -> Iterator[str]:
    for match in _ITEM.finditer(query):
        phrase, word = match.groups()
        item = phrase if word is None else word.rstrip("*")
        runs = _RUN.findall(_folded(item)[0])
        if runs:
            yield _bounded(item, r"[\W_]+".join(runs), is_prefix=word is not None and word != item)


def _bounded(item: str, words: str, *, is_prefix: bool) -> str:
    """Return a pattern of an item's words that begins and ends where a word does."""
    start = "" if _UNSPACED.match(item) else r"(?<![^\W_])"
    if is_prefix:
        return rf"{start}{words}[^\W_]*"
    return f"{start}{words}" if _UNSPACED.match(item[-1:]) else rf"{start}{words}(?![^\W_])"
