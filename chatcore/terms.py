"""Which words a text has, and what a query asks for: one pure function, for texts and queries alike.

- Texts are compared without case, without accents and in compatibility form: ``Café`` and ``CAFE`` are equal.
- A run of letters and digits is one *term*. Each symbol, such as an emoji, is one too. All else only
  separates: so ``10.0.0.1`` is four terms, and in a query a phrase of them.
- Han, kana and Hangul are written without spaces. So each character of such a run begins a term, which has
  the next character too, except for the last one's. Then a phrase of pairs finds any part of a run.
- A query is made of *items* between spaces: a word, a ``"phrase"``, or a word of three or more characters
  with ``*`` after it, which stands for all words that begin so. A text matches if it has all items. There is
  nothing else: ``-``, ``:`` and ``OR`` are plain text.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["QUERY_CHARS", "TERMS_MAX", "Item", "matches", "parse_query", "terms"]

QUERY_CHARS = 256
"""Characters of the longest query."""

TERMS_MAX = 16
"""Terms of the longest query."""

CHARACTERS = 4_096
"""Characters whose fate is remembered: more than most people write with."""

PREFIX_CHARS = 3
"""Characters that a word needs before a ``*``: fewer would ask for a large part of all words."""

_ASCII = re.compile("[a-z0-9]+")

# Han, kana and Hangul, as they are after normalisation: no half or full width, no single jamo.
_UNSPACED = "\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_UNSPACED += "\U00020000-\U000323af"
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")

_WORD = re.compile(r'"([^"]*)(?:"|$)|(\S+)')


class Item(NamedTuple):
    """One item of a query: terms that follow each other; with ``prefix`` the last one may go on."""

    terms: tuple[str, ...]
    prefix: bool


def terms(text: str) -> list[str]:
    """Return the terms of a text, in order."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    return [term for run in _runs(text) for term in _terms_of(run)]


def parse_query(query: str) -> tuple[Item, ...]:
    """Return the items of a query; raises `ValueError` that says in words what is wrong with it."""
    items = [item for item in map(_item, _WORD.finditer(query)) if item.terms]
    if not items:
        raise ValueError("a query has at least one word")
    if sum(len(item.terms) for item in items) > TERMS_MAX:
        raise ValueError(f"a query has at most {TERMS_MAX} words")
    return tuple(items)


def matches(items: Sequence[Item], found: Sequence[str]) -> bool:
    """Tell whether a text with these terms has all items."""
    text = f" {' '.join(found)} "  # no term has a space in it
    return all(_phrase(item) in text for item in items)


def _item(match: re.Match[str]) -> Item:
    phrase, word = match.groups()
    if word is None:
        return _asked(phrase)
    stem = word.rstrip("*")
    item = _asked(stem)
    if stem == word or not item.terms or _IS_UNSPACED.match(item.terms[-1]):
        return item
    if len(item.terms[-1]) < PREFIX_CHARS:
        raise ValueError(f"before a * a word has at least {PREFIX_CHARS} characters")
    return item._replace(prefix=True)


def _asked(text: str) -> Item:
    """Return what a text is as an item: at the end of a run without spaces, anything may follow."""
    found = terms(text)
    if not found or not _IS_UNSPACED.match(found[-1]):
        return Item(tuple(found), prefix=False)
    if len(found) > 1 and len(found[-2]) > 1 and _IS_UNSPACED.match(found[-2]):
        return Item(tuple(found[:-1]), prefix=False)  # its last character is in the pair before, too
    return Item(tuple(found), prefix=True)


def _phrase(item: Item) -> str:
    return f" {' '.join(item.terms)}{'' if item.prefix else ' '}"


def _runs(text: str) -> Iterator[str]:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # What is composed again is Hangul alone: all other marks are gone.
    return iter(unicodedata.normalize("NFC", folded.translate(_CHARACTERS)).split())


def _terms_of(run: str) -> Iterator[str]:
    for part in _RUN.findall(run):
        if _IS_UNSPACED.match(part):
            yield from (part[index : index + 2] for index in range(len(part)))
        else:
            yield part


def _fate(code: int) -> int | str | None:
    category = unicodedata.category(chr(code))
    if category[0] in "LN":
        return code
    if category in ("So", "Co"):
        return f" {chr(code)} "
    return None if category[0] == "M" else " "


class _Characters(dict[int, int | str | None]):
    """What becomes of each character, as `str.translate` asks: it stays, goes, or separates."""

    def __missing__(self, code: int) -> int | str | None:
        if len(self) >= CHARACTERS:
            self.clear()
        fate = self[code] = _fate(code)
        return fate


_CHARACTERS = _Characters()
