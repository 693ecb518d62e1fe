"""What browsers are given: the files beside this one, which a listener for browsers reads when it is made."""

import re
from importlib.resources import files

__all__ = ["page_files"]

_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$", re.MULTILINE | re.DOTALL)
_MARGIN = re.compile(r"^[ \t]*(?:// .*)?| // .*", re.MULTILINE)
"""Indentation, and what follows two slashes. No text of a script spans lines, or has two slashes apart."""


def page_files() -> dict[str, bytes]:
    """Return the files of the page, by name; raises `OSError` if one cannot be read.

    Scripts and styles come without their documentation and indentation, a third of their size; every line
    keeps its number.
    """
    return {
        entry.name: _without_documentation(entry.name, entry.read_bytes())
        for entry in files(__name__).iterdir()
        if entry.is_file() and not entry.name.endswith((".py", ".pyc"))
    }


def _without_documentation(name: str, content: bytes) -> bytes:
    if not name.endswith((".js", ".css")):
        return content
    text = content.decode()
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return _MARGIN.sub("", text).encode()
