"""Texts of scripts: without what programs write for a terminal, and in pieces that a server takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import RefusedError
from cli.graphemes import can_cut
from cli.texts import CONTINUED, check_size, pieces, without_controls

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;196mred\x1b[m", "red"),
        ("\x1b[38:2::255:0:0mred", "red"),  # with the separators of ISO 8613-6
        ("\x9b31mred", "red"),  # the same in one character
        ("\x1b[?25l\x1b[2K\x1b[1Gdone\x1b[?25h", "done"),
        ("\x1b[ q\x1b[!pcursor", "cursor"),  # with intermediate bytes
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;id=1;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;ZXZpbA==\x9cclipboard", "clipboard"),
        ("\x9d0;é\ttitle\x9ctext", "text"),
        ("\x1bPq#0;2;0;0;0~-\x1b\\sixel", "sixel"),
        ("\x1b_Gf=100;AAAA\x1b\\\x1b^privacy\x1b\\\x1bXstart\x1b\\image", "image"),
        ("\x1b(B\x1b)0\x1b#8\x1b%Gsets", "sets"),
        ("\x1b7\x1b8\x1bc\x1b=\x1b>\x1bMplain", "plain"),
        ("no escapes\tat all\n", "no escapes\tat all\n"),
    ],
)
def test_escape_sequences_are_taken_out(text: str, left: str) -> None:
    assert without_controls(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b", f"a{UNKNOWN}"),
        ("a\x1b[31", f"a{UNKNOWN}[31"),
        ("a\x1b[3\x011m", f"a{UNKNOWN}[3{UNKNOWN}1m"),
        ("a\x1b]0;no end", f"a{UNKNOWN}]0;no end"),
        ("a\x1b]0;two\nlines\x07", f"a{UNKNOWN}]0;two\nlines{UNKNOWN}"),
        ("a\x1b]0;b\x1b[31mc\x07", f"a{UNKNOWN}]0;bc{UNKNOWN}"),
        ("\x1b\x1b[31m[32mx", f"{UNKNOWN}[32mx"),  # what is left is no sequence any more
        ("\x9b\x9b31m", UNKNOWN),
        ("\x1b[31é", f"{UNKNOWN}[31é"),
        ("\udcff\x08", UNKNOWN * 2),
    ],
)
def test_what_only_begins_like_a_sequence_stays_and_is_harmless(text: str, left: str) -> None:
    assert without_controls(text) == left


@given(st.text(alphabet="\x1b\x9b\x9d\x9c\x07\\[]PX^_0;m~ \t\né", max_size=60))
def test_no_text_keeps_anything_that_a_terminal_obeys(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", without_controls(text))


@pytest.mark.parametrize("begin", ["\x1b]", "\x9d", "\x1b[", "\x1b[0;", "\x1b", "\x1bP\t", "\x1b "])
def test_a_hostile_text_takes_a_time_that_grows_with_its_length(begin: str) -> None:
    """Quadratic work on this much would take minutes, and the test would be stopped."""
    assert without_controls(begin * 300_000)


# --- pieces --------------------------------------------------------------------------------------

CHARACTERS = [
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\N{WOMAN}\u200d\N{HEAVY BLACK HEART}\ufe0f\u200d\N{WOMAN}",
    "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-6}",
    "1\ufe0f\u20e3",
    "\N{WAVING BLACK FLAG}\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\u1112\u1161\u11ab",  # Hangul in its letters
    "\u1100\u1100\uac00\u11a8",
    "\u0915\u094d\u0937\u093f",  # Devanagari, joined
    "\u0e01\u0e33",  # Thai
    "\u0600\u0661",  # a number sign of Arabic and its digit
]


@pytest.mark.parametrize("char", CHARACTERS)
def test_no_cut_is_inside_a_character_as_people_see_it(char: str) -> None:
    text = char * 3
    allowed = [at for at in range(1, len(text)) if can_cut(text, at)]
    assert allowed in ([len(char), 2 * len(char)], [])
    for limit in range(60, 100):
        for piece in pieces(char * 20, limit):
            part = piece.removeprefix(CONTINUED)
            assert part.count(char) * char == part


def test_cuts_are_between_other_characters() -> None:
    for text in ("ab", "é€", "會議", "\N{WAVING HAND SIGN}\N{WAVING HAND SIGN}", "한국", "กข", "\n\n"):
        assert can_cut(text, 1), text
    assert not can_cut("\r\n", 1)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two three four five six seven", ["one two three four five six", f"{CONTINUED}seven"]),
        (
            "one two three four\nfive six seven eight",
            ["one two three four", f"{CONTINUED}five six seven", f"{CONTINUED}eight"],
        ),
        ("one two three four\n  five six", ["one two three four\n  five six"]),
        ("one two three four\n  five sixty", ["one two three four", f"{CONTINUED}  five sixty"]),
        ("x" * 50, ["x" * 30, f"{CONTINUED}{'x' * 18}", f"{CONTINUED}xx"]),
        ("x" * 30 + " y", ["x" * 30, f"{CONTINUED}y"]),
        ("long\N{NO-BREAK SPACE}" * 7, None),
        (" \N{COMBINING ACUTE ACCENT}" * 20, None),
    ],
)
def test_a_text_is_cut_at_spaces(text: str, cut: list[str] | None) -> None:
    found = list(pieces(text, 30))
    assert max(len(piece.encode()) for piece in found) <= 30
    if cut is None:
        joined = found[0] + "".join(piece.removeprefix(CONTINUED) for piece in found[1:])
        assert joined == text
    else:
        assert found == cut


@given(st.text(alphabet="a é€😀\n\t\u0301\u200d\U0001f1e9", max_size=400), st.integers(4, 80))
def test_pieces_have_all_of_a_text_but_spaces_and_none_is_too_long(text: str, limit: int) -> None:
    found = list(pieces(text, limit))
    assert all(len(piece.encode()) <= limit for piece in found)
    if len(found) > 1:
        assert all(piece.strip() for piece in found)
        lead = len(CONTINUED) if limit > 2 * len(CONTINUED) else 0
        joined = found[0] + "".join(piece[lead:] for piece in found[1:])
        assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)


def test_a_character_longer_than_a_message_is_cut_all_the_same() -> None:
    zalgo = "a" + "\N{COMBINING ACUTE ACCENT}" * 1_000
    assert "".join(pieces(zalgo, 20)) == zalgo


def test_a_text_that_fits_is_one_piece_and_one_that_does_not_is_refused() -> None:
    assert list(pieces("é" * 10, 20)) == list(pieces("é" * 10, None)) == ["é" * 10]
    check_size("é" * 10, 20)
    check_size("é" * 10, None)
    with pytest.raises(
        RefusedError, match="the text has 22 bytes, and the limit is 20; --split sends"
    ) as refused:
        check_size("é" * 11, 20)
    assert refused.value.code == "too_long"
    with pytest.raises(RefusedError, match=r"the limit is 20 \(too_long\)"):
        check_size("é" * 11, 20, splits=False)
