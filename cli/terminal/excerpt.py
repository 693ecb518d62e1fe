"""The start of a text, in one row: for lines that mention a text, and do not show it."""

__all__ = ["excerpt"]

MOST = 120
"""Characters that are shown."""

LOOKED_AT = 10 * MOST
"""Characters of the text that are looked at: it may be long, and full of spaces."""


def excerpt(text: str) -> str:
    """Return the start of a text, in one row."""
    row = " ".join(text[:LOOKED_AT].split())
    return row if len(row) <= MOST and len(text) <= LOOKED_AT else f"{row[:MOST]}..."
