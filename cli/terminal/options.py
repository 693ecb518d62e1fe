"""What a user prefers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.terminal.colours import Theme

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The user's preferences."""

    history: int | None = None
    """Older messages to show when a room is joined."""
    plain: bool = False
    """Whether to print plain lines of text and nothing else."""
    quiet: bool = False
    """Whether to hide joins and leaves."""
    highlight: Sequence[str] = ()
    """Words that count as a mention."""
    notices: str = "auto"
    """Which notices of the desktop the terminal shows, one of `NOTICE_KINDS`."""
    remember: bool = True
    """Whether to remember rooms and what was read, and to save what is typed."""
    theme: Theme = field(default_factory=Theme)
    """Which colours to draw in."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """The keys of actions that have others than usual."""
    rooms_are_usual: bool = False
    """Whether the rooms are those of the settings, for whoever is in none yet."""
