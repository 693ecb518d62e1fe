"""Texts, and whether they mention a name: for the terminal client and for the page."""

import json
from pathlib import Path

__all__ = ["MENTIONS"]

MENTIONS: list[dict[str, str | bool]] = json.loads(
    Path(__file__).with_name("mentions.json").read_text("utf-8")
)
