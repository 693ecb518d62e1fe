"""What docs/operations.md says. `tests.operations` runs its commands, `test_systemd_units` its units."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.access.page import NAME, find_server
from tests.test_readme import Block, anchors, blocks_of

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = blocks_of(TEXT)


def block(mark: str, word: str) -> str:
    """Return the block of this kind that has a word in it."""
    (found,) = (each.text for each in BLOCKS if each.mark == mark and word in each.text)
    return found


@pytest.mark.parametrize(
    "script", [each for each in BLOCKS if each.mark == "sh"], ids=lambda each: each.text[:30]
)
def test_every_script_can_be_parsed(script: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=script.text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_of_a_page_is_one_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.access.page._get", lambda *_: block("json", "chats://").encode())
    assert NAME in TEXT
    assert find_server("https://chat.example.org/").url == "chats://chat.example.org:7024"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    document = PAGE.parent / path if path else PAGE
    assert document.is_file()
    assert not anchor or anchor in anchors(document)
