"""A text by others can be seen, and does nothing to a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.sanitize import sanitize, sanitize_lines


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("", ""),
        ("plain ASCII, with ~ and {braces}", "plain ASCII, with ~ and {braces}"),
        ("naïve Ünïcödé 漢字 עברית", "naïve Ünïcödé 漢字 עברית"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x00\x08\x0b\x0c\r\n\x7f", "␀␈␋␌␍␊␡"),
        ("\x80\x9b\x9f", "���"),
        ("a\u2028b\u2029c", "a�b�c"),
        ("\u202atext\u202c \u202e \u2066\u2069", "�text� � ��"),
        ("a\u200bb\u2060c\u2064d", "a�b�c�d"),
        ("\U000e0041\U000e007f", "��"),
        ("\ud800", "�"),
        ("\u3164\uffa0\u115f", "���"),
        ("soft\u00adhyphen \ufeffmark \u200eleft\u200fright", "softhyphen mark leftright"),
        ("می\u200cخواهم", "میخواهم"),
        ("a\u200db\ufe0fc", "abc"),
        ("\u06dd١٢", "\u06dd١٢"),
    ],
)
def test_invisible_characters_are_replaced_or_removed(text: str, drawn: str) -> None:
    assert sanitize(text) == drawn


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "❤️", "1️⃣", "👍🏽", "🏳️‍🌈", "👩🏻‍❤️‍💋‍👩🏽", "🇫🇷", "☺︎"])
def test_an_emoji_stays_in_one_piece(text: str) -> None:
    assert sanitize(f"a {text} b") == f"a {text} b"


def test_a_chain_of_joined_emoji_is_cut() -> None:
    assert sanitize("\u200d".join("👨" for _ in range(13))).count("\u200d") == 10


def test_more_than_a_few_combining_marks_are_removed() -> None:
    assert sanitize("e\u0301") == "e\u0301"
    assert sanitize("z" + "\u0336" * 300 + "y") == "z" + "\u0336" * 5 + "y"
    assert sanitize("z" + "\u0336\u200c" * 300 + "y") == "z" + "\u0336" * 5 + "y"
    assert sanitize("\u1100" + "\u1161" * 300) == "\u1100" + "\u1161" * 5


def test_a_mark_without_a_character_gets_a_dotted_circle() -> None:
    assert sanitize("\u0338first") == "\u25cc\u0338first"
    assert sanitize("\x1b\u0338") == "␛\u0338"


def test_tabs_are_expanded() -> None:
    assert sanitize("a\tb\tc") == "a       b       c"


def test_lines_are_split_at_newlines_only() -> None:
    assert sanitize_lines("one\n\ntwo\rthree\x85four\u2028five\n") == ["one", "", "two␍three�four�five", ""]


@given(st.text())
def test_no_character_that_has_an_effect_is_left(text: str) -> None:
    drawn = sanitize(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in drawn)
    assert not any(unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF") for char in drawn)
    assert sanitize(drawn) == drawn
