"""Where a text mentions a nick."""

import pytest

from cli.terminal.mentions import mentions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice", ["alice"]),
        ("hi ALICE, and @alice", ["ALICE", "@alice"]),
        ("ask alice.", ["alice"]),
        ("(alice)", ["alice"]),
        ("alice's cat", ["alice"]),
        ("漢字 alice", ["alice"]),
        ("malice alice_ alice2 alice-b alice.b x.alice b-alice", []),
        ("", []),
    ],
)
def test_a_nick_is_mentioned_as_a_word_of_its_own(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in mentions(text, "alice")] == found


def test_a_dot_in_a_nick_is_only_a_dot() -> None:
    assert mentions("a.b", "a.b") == [(0, 3)]
    assert mentions("aXb", "a.b") == mentions("anything", "") == []
