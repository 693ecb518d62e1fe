"""What docs/operations.md walks through: its sections, and the commands and files of each.

A line of a block marked ``sh`` is a command of root's, on the server. In one marked ``console``, ``# ``
begins such a command, and ``$ `` one of a user on a computer of their own; what is printed follows, as in
`tests.test_readme`. A block whose first lines have a comment with a path is that file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.test_readme import Block, blocks_of

__all__ = ["BLOCKS", "PAGE", "WALK", "Command", "commands", "place_of", "sections"]

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
BLOCKS = blocks_of(PAGE)
(WALK,) = re.findall(r"^## A server's life$.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)

_PLACE = re.compile(r"(?:#!.*\n)?# (/\S+)\n")


@dataclass(frozen=True)
class Command:
    """A command, who gives it, and the lines below it; ``None`` where nothing says what it prints."""

    line: str
    by_root: bool
    shown: list[str] | None


def sections() -> dict[str, list[Block]]:
    """Return the blocks of each step, by its title."""
    _, *parts = re.split(r"^### ", WALK, flags=re.MULTILINE)
    return {part.partition("\n")[0]: blocks_of(part) for part in parts}


def place_of(block: Block) -> str | None:
    """Return the path of the file that a block is, if it is one."""
    found = _PLACE.match(block.text)
    return found and found[1]


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a block that is no file."""
    if block.mark == "sh":
        for line in block.text.replace("\\\n", "").splitlines():
            yield Command(line, by_root=True, shown=None)
        return
    assert block.mark == "console", block
    for part in re.split(r"^(?=[#$] )", block.text, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Command(line[2:], by_root=line[0] == "#", shown=shown)
