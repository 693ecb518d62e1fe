"""Which entries of a log count, whoever reads them, and whether two readers have read the same.

Everybody who appends has a name of its own for each start, a *node*, and numbers its entries. Entries may be
lost, repeated or reordered on their way, so:

- An entry counts only if its number is the next one of its node and term, or if it is number 0 of a higher
  term. Else it is *void*, for all readers. So an entry that is sent again does no harm, and one that is lost
  makes void what was sent after it, until all of it is sent again.
- A node that gives entries up begins a new term. Once its number 0 was read, nothing of an older term can
  count any more, so the fate of all that was given up is known.
- All that was read is condensed into a *digest*. Each entry says the digest that its node had at a position.
  A reader that had another one there has read another log.

All of this is the same on every machine, in every version that reads entries of a version: nothing here
depends on anything but its arguments. The version of an entry is read from its first bytes, so even what this
program cannot read is of another version for all or for none. What programs in Python may read differently
(nesting that is too deep for one, or a number with more digits than it converts) is void for all.
"""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, NoReturn

from chatcore.replication import LogEntry

__all__ = [
    "ENTRY_BYTES",
    "NO_DIGEST",
    "Frame",
    "ReadDigest",
    "UnknownVersion",
    "admits",
    "chained",
    "read_frame",
    "write_frame",
]

ENTRY_BYTES: Final = 2 * 1024 * 1024
"""The largest entry that counts: a post of the longest line, in JSON's longest escapes."""

NO_DIGEST: Final = ""
"""The digest of what was read before the first entry."""

_NUMBER_MAX = 2**53 - 1

_VERSION = re.compile(rb'\{"v":(0|[1-9][0-9]{0,14}),')
"""How an entry begins."""

_DIGITS = 40
"""The most digits of a whole number, with its sign. What counts has far fewer."""

_DEPTH = 16
"""How deep objects and arrays may be within each other. What counts goes a few levels down."""

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(each for each in range(256) if each not in b'[]{}"')

_FRAME = {"v", "node", "term", "number", "seen"}


class UnknownVersion(Exception):
    """An entry is of a version that this program does not know, so it cannot know what follows from it."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class ReadDigest(NamedTuple):
    """The digest of all entries up to a position."""

    position: int
    digest: str


class Frame(NamedTuple):
    """What an entry says besides its content. ``content`` is what it has beyond these fields."""

    node: str
    term: int
    number: int
    seen: ReadDigest
    content: Mapping[str, Any]


def read_frame(data: bytes, version: int) -> Frame | None:
    """Return what an entry says, or ``None`` if it is none of ours; raises `UnknownVersion`."""
    begin = _VERSION.match(data)
    if begin is None or len(data) > ENTRY_BYTES:
        return None
    if (found := int(begin[1])) != version:
        raise UnknownVersion(found)
    fields = _fields(data)
    if fields is None or fields.get("v") != version:  # another one may follow
        return None
    if not (_is_name(fields.get("node")) and _are_numbers(fields.get("term"), fields.get("number"))):
        return None
    match fields.get("seen"):
        case [position, str(digest)] if _is_number(position):
            seen = ReadDigest(position, digest)
        case _:
            return None
    content = {name: value for name, value in fields.items() if name not in _FRAME}
    return Frame(fields["node"], fields["term"], fields["number"], seen, content)


def write_frame(version: int, frame: Frame) -> bytes:
    """Return an entry."""
    fields = {
        "v": version,
        "node": frame.node,
        "term": frame.term,
        "number": frame.number,
        "seen": frame.seen,
        **frame.content,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def admits(known: tuple[int, int] | None, term: int, number: int) -> bool:
    """Tell whether an entry counts. ``known`` is its node's term, and the number that is next in it."""
    if known is None:
        return number == 0
    known_term, following = known
    return number == following if term == known_term else number == 0 and term > known_term


def chained(digest: str, entry: LogEntry) -> str:
    """Return the digest of all that was read and one more entry."""
    chain = blake2b(digest.encode(), digest_size=16)
    chain.update(b" %d %d %d " % (entry.position, entry.at, len(entry.data)))
    chain.update(entry.data)
    return chain.hexdigest()


def _fields(data: bytes) -> dict[str, Any] | None:
    if _is_deep(data):
        return None
    try:
        fields = _DECODER.decode(data.decode())
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _is_deep(data: bytes) -> bool:
    """Tell whether JSON is nested too deep. What is not JSON, and not deep by this, is parsed in vain."""
    if data.count(b"[") + data.count(b"{") <= _DEPTH:
        return False
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(data.translate(_BRACKETS, _OTHERS).split(b'"')[::2])  # those that are in no text
    for _ in range(_DEPTH):
        brackets = brackets.replace(b"[]", b"")  # the innermost
    return bool(brackets)


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(text)
    return int(text)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_no_number)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 64


def _are_numbers(*values: object) -> bool:
    return all(map(_is_number, values))


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= _NUMBER_MAX
