"""The phrases that CONTRIBUTING.md bans occur in no document, no help and no message.

The list is the table there and nowhere else. Docstrings and comments are not read here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.help.layout import lines_of
from tests.cli.help.commands import CONTEXTS, page

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
TABLE = re.compile(r"^\| not \| say \|\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [
    path for package in ("chatcore", "transports", "cli") for path in sorted((ROOT / package).rglob("*.py"))
]


def banned_phrases() -> list[str]:
    """Return the phrases of the table, in lower case."""
    (rows,) = TABLE.findall(CONTRIBUTING)
    return [phrase for row in rows.splitlines() for phrase in re.findall(r"`([^`]+)`", row.split("|")[1])]


def pattern_of(phrase: str) -> str:
    """Return a pattern for a phrase; a full stop stands for the end of a clause."""
    words = r"\s+".join(map(re.escape, phrase.removesuffix(".").split()))
    end = r"(?=\s*(?:[.,;:!?)]|$))" if phrase.endswith(".") else r"\b"
    return rf"\b{words}{end}"


BANNED = re.compile("|".join(map(pattern_of, banned_phrases())), re.IGNORECASE)


def found_in(text: str) -> list[str]:
    """Return the banned phrases in a text, each with some words around it."""
    found = BANNED.finditer(" ".join(text.split()))
    return [each.string[max(0, each.start() - 30) : each.end() + 30] for each in found]


def messages_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings of a program that are not docstrings, each with its line; `…` is what it fills in."""
    tree = ast.parse(source)
    skipped = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            parts = [each.value if isinstance(each, ast.Constant) else "…" for each in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def faults_of(source: str) -> list[tuple[int, str]]:
    """Return the banned phrases in the strings of a program, each with its line."""
    return [(line, found) for line, text in messages_of(source) for found in found_in(text)]


# --- what is read by people ----------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_use_no_banned_phrase(document: Path) -> None:
    assert found_in(document.read_text("utf-8")) == []


def test_contributing_uses_no_banned_phrase_outside_its_tables() -> None:
    outside = re.sub(r"^\|.*\n", "", CONTRIBUTING, flags=re.MULTILINE)
    assert found_in(outside) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_use_no_banned_phrase(path: Path) -> None:
    assert faults_of(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", CONTEXTS)
def test_help_uses_no_banned_phrase(path: str) -> None:
    text = lines_of(page(path), 80)
    assert text.startswith("Usage: chat")
    assert found_in(text) == []


# --- the judge itself ----------------------------------------------------------------------------


def test_the_table_has_phrases_and_no_single_common_word() -> None:
    phrases = banned_phrases()
    assert len(phrases) > 25
    assert [phrase for phrase in phrases if " " not in phrase] == ["anew"]
    assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize("phrase", banned_phrases())
def test_each_phrase_is_found_where_it_is_planted(phrase: str) -> None:
    planted = phrase.replace(" ", "\n  ", 1).capitalize()
    assert found_in(f"Some words before. {planted} And after.") != []
    assert faults_of(f'raise ValueError("a b " "{phrase}")\n') != []
    assert faults_of(f'print(f"{{x}} {phrase}: {{y}}")\n') != []


def test_a_docstring_and_a_comment_are_not_messages() -> None:
    source = '"""It goes like this."""\n\nLIMIT = 3\n"""For ever."""  # reads on\n'
    assert faults_of(source) == []


@pytest.mark.parametrize(
    "text",
    [
        "a message that cannot be sent",
        "behind a proxy",
        "unless told otherwise",
        "in the order of their names",
    ],
)
def test_good_english_is_let_through(text: str) -> None:
    assert found_in(text) == []
