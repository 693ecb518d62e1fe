"""A page of help, before anybody knows how wide it will be."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Examples", "Page", "Prose", "Rows", "Section"]


@dataclass(frozen=True, slots=True)
class Rows:
    """A section of two columns: terms, and what each is. Sections of the same ``kind`` are aligned."""

    heading: str
    kind: Literal["options", "commands", "codes"]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A section of one paragraph."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Examples:
    """A section of lines that can be pasted into a shell. Those that begin with ``#`` say what comes next."""

    heading: str
    lines: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """The lines that do something."""
        return tuple(line for line in self.lines if not line.startswith("#"))


Section = Rows | Prose | Examples


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say about a command, or a group of commands.

    ``command`` is as people type it, such as ``chat send``; ``usage`` is what can follow it. ``summary`` is
    one sentence, and ``paragraphs`` say more.
    """

    command: str
    usage: str
    summary: str
    paragraphs: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """All examples, each as it can be run."""
        return tuple(
            line for section in self.sections if isinstance(section, Examples) for line in section.commands
        )
