"""What is marked in the results of a search."""

import pytest

from chatcore.terms import matches, parse_query, terms
from cli.terminal.hits import hits


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("disk", "The DISK, a diskette and disk_1", ["DISK", "disk"]),
        ("disk full", "full of disks? disk full", ["full", "disk", "full"]),
        ('"disk full"', "disk: full, full disk", ["disk: full"]),
        ('"disk fu', "disk fu", ["disk fu"]),
        ("deploy*", "deployed, redeploy, deploy!", ["deployed", "deploy"]),
        ("10.0.0.1", "at 10.0.0.1 and 110.0.0.1", ["10.0.0.1"]),
        (
            "cafe",
            "Ein Café, cafe\N{COMBINING ACUTE ACCENT}, Cafés",
            ["Café", "cafe\N{COMBINING ACUTE ACCENT}"],
        ),
        ("strasse", "Straße", ["Straße"]),
        ("議室", "会議室で", ["議室"]),
        ("会*", "会議", ["会議"]),
        ("", "nothing", []),
        ('"" * ***', "nothing", []),
        ("(a[", "(a[ b", ["a"]),
    ],
)
def test_what_was_asked_for_is_marked(query: str, text: str, marked: list[str]) -> None:
    found = [text[start:end] for start, end in hits(text, query)]
    assert found == marked
    if marked:
        assert matches(parse_query(query), terms(text))
