"""What browsers are given: the files beside this one, which a listener for browsers reads when it is made."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files

__all__ = ["page_files"]

_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$", re.MULTILINE | re.DOTALL)
_MARGIN = re.compile(r"^[ \t]*(?:// .*)?| // [^\"'`\n]*$", re.MULTILINE)
"""Indentation, and comments at the end of a line.

No text of a script spans lines, so one that has two slashes in it ends on their line, by a quotation mark:
what follows slashes and has none is a comment.
"""
_TYPE = re.compile(r"^([^\"'`\n]*)/\*\* [^\n]*?\*/ ?", re.MULTILINE)
"""A type within a line, and what stands before it: that has no quotation mark, so this is in no text."""

_INDEX = "index.html"
_VERSION = b'<meta name="version" content="'
_ROOT = b'<html lang="en"'


def page_files(nodes: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the files of the page, by name; raises `OSError` if one cannot be read.

    The document names ``nodes``, URLs where the page is served by the nodes of its server: so the page can
    continue at another one.

    Scripts and styles come without most of their documentation and without indentation, a third of their
    size; every line keeps its number. The document says the version of all of them, so that a page that is
    open can tell that the server has another one.
    """
    found = {
        entry.name: _without_documentation(entry.name, entry.read_bytes())
        for entry in files(__name__).iterdir()
        if entry.is_file() and not entry.name.endswith((".py", ".pyc"))
    }
    if nodes:
        found[_INDEX] = found[_INDEX].replace(_ROOT, _ROOT + f' data-nodes="{" ".join(nodes)}"'.encode(), 1)
    found[_INDEX] = found[_INDEX].replace(_VERSION, _VERSION + _version(found).encode(), 1)
    return found


def _version(found: Mapping[str, bytes]) -> str:
    names = sorted(found)
    return sha256(b"".join(sha256(found[name]).digest() + name.encode() for name in names)).hexdigest()[:16]


def _without_documentation(name: str, content: bytes) -> bytes:
    if not name.endswith((".js", ".css")):
        return content
    text = content.decode()
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    while (shorter := _TYPE.sub(r"\1", text)) != text:
        text = shorter
    return _MARGIN.sub("", text).encode()
