"""Helpers for tests that look at what was drawn."""

from cli.terminal.painter import Fragments

__all__ = ["styled", "text_of"]


def text_of(fragments: Fragments) -> str:
    """Return the text without its styles."""
    return "".join(text for _, text in fragments)


def styled(fragments: Fragments, style: str) -> list[str]:
    """Return the texts that have a style."""
    return [text for each, text in fragments if style in each.split()]
