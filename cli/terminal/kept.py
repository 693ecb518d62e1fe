"""What is kept of the user's own words while there is no connection: lines without an answer, and drafts."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cli.terminal.excerpt import excerpt
from cli.terminal.memory import Memory
from cli.terminal.news import number_of

__all__ = ["describe_kept"]

FEW = 5
"""Texts of each kind that are listed; the others are counted."""


def describe_kept(memory: Memory, since: Callable[[datetime], str]) -> Sequence[str]:
    """Return what is kept, in lines; nothing if it is nothing.

    ``since`` says in words when something was.
    """
    lines, drafts = memory.lines, list(memory.drafts.items())
    if not lines and not drafts:
        return []
    counts = [number_of(len(lines), "message") + " that the server has not confirmed"] if lines else []
    counts += [number_of(len(drafts), "draft")] if drafts else []
    told = [f"kept until you are connected: {' and '.join(counts)}"]
    for line in lines[:FEW]:
        when = since(datetime.fromtimestamp(line.typed, UTC))
        where = f"in {line.room}" if line.room else "between two rooms"
        told.append(f"{when} {where}: {excerpt(line.shown)}")
    told += [f"draft in {room}: {excerpt(text)}" for room, text in drafts[:FEW]]
    hidden = max(len(lines) - FEW, 0) + max(len(drafts) - FEW, 0)
    return [*told, f"and {hidden:,} more"] if hidden else told
