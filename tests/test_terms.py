"""Which words texts have, and which queries find them: in eight scripts, and whatever the text is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.terms import TERMS_MAX, Item, matches, parse_query, terms
from tests.wire.strategies import text as any_text

FOUND = [
    ("The disk is full again", ["disk", "FULL disk", '"disk is full"', "aga*", "disk*"]),
    ("Ship it to 10.0.0.1, now", ["10.0.0.1", "0.0", "10", '"to 10"']),
    ("see chat.example.org/a_b", ["chat.example.org", "a", "EXAMPLE", "exa*", "a_b"]),
    ("Café au lait, Straße, ﬁne, Ⅷ", ["cafe", "CAFÉ", "strasse", "STRASSE", "fine", "viii", "caf*"]),
    ("Привет, Ёжик в тумане", ["привет", "ПРИВЕТ", "ежик", "тум*", '"в тумане"']),
    ("Καλημέρα κόσμε, όλα ΕΝΤΆΞΕΙ", ["καλημερα", "ΚΌΣΜΕ", "ενταξει", "ολα"]),
    ("שָׁלוֹם עולם", ["שלום", "עולם", '"שלום עולם"']),
    ("مَرْحَبًا بالعالم", ["مرحبا", "بالعالم", "بال*"]),
    ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    ("明日の会議室は三階です。", ["会議", "会議室", "議室", "会", "三階*", "会*", "です", "明日 三階"]),
    ("カタカナ、ｶﾞｲﾄﾞ、ひらがな", ["カタカナ", "タカ", "ガイド", "ひら", "な"]),
    ("오늘 회의는 세 시에 있습니다", ["회의", "회의는", "회*", "시에", '"세 시에"']),
    ("会議abcは", ["会議", "abc", "会議abc", "abcは"]),
    ("well done 👍🏽 and 🎉", ["👍", "🎉", "done 🎉"]),
    ("fine👍", ["fine", "👍", "fine👍"]),
    ("not -v OR a:b AND (x)", ["-v", "OR", "a:b", "NOT", '"(x)"', "(x)"]),
    ('he said "disk full" twice', ['"disk full', '"disk full" twice']),
]

MISSED = [
    ("The disk is full again", ['"full disk"', "dis", "disk empty", "diskful*", "isk"]),
    ("10.0.0.1", ["10.0.1", "1.0.0.10", "100"]),
    ("明日の会議室は三階です。", ["議会", "会室", "室*会", "階三", '"会議 室"']),
    ("한국어", ["국한", "하"]),
    ("fine👍", ["👎", "fin"]),
    ("Привет", ["при", "приветы*"]),
]


@pytest.mark.parametrize(("text", "query"), [(text, query) for text, queries in FOUND for query in queries])
def test_a_query_finds_a_text(text: str, query: str) -> None:
    assert matches(parse_query(query), terms(text)), (parse_query(query), terms(text))


@pytest.mark.parametrize(("text", "query"), [(text, query) for text, queries in MISSED for query in queries])
def test_a_query_does_not_find_another_text(text: str, query: str) -> None:
    assert not matches(parse_query(query), terms(text)), (parse_query(query), terms(text))


@pytest.mark.parametrize("query", ["", "  ", "...", '""', '"', "*", "- :", "ab*", "é*", "ab* more", "\u200b"])
def test_a_query_without_words_or_with_a_short_beginning_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"at least one word|at least 3 characters"):
        parse_query(query)


def test_a_query_has_a_bounded_number_of_words() -> None:
    assert len(parse_query(" ".join("a" * TERMS_MAX))) == TERMS_MAX
    for query in (" ".join("a" * (TERMS_MAX + 1)), ".".join("a" * (TERMS_MAX + 1)), "会" * (TERMS_MAX + 2)):
        with pytest.raises(ValueError, match="at most 16 words"):
            parse_query(query)


def test_items_are_phrases_and_only_the_last_term_may_go_on() -> None:
    assert parse_query('chat.example* "Disk  Full') == (
        Item(("chat", "example"), prefix=True),
        Item(("disk", "full"), prefix=False),
    )


@given(any_text)
def test_terms_are_letters_digits_and_symbols_and_say_the_same_again(text: str) -> None:
    found = terms(text)
    for term in found:
        assert term
        categories = set(map(unicodedata.category, term))
        assert all(category[0] in "LN" or category in ("So", "Co") for category in categories)
        assert not any(" " <= char <= "@" and not char.isdigit() for char in term)
    assert terms(text + " ") == found
    assert terms(" " + text) == found
    assert terms(f"{text}.{text}") == found * 2


@given(any_text, st.data())
def test_each_word_of_a_text_finds_it_and_so_does_its_beginning(text: str, data: st.DataObject) -> None:
    words = [word for word in text.split() if terms(word) and len(terms(word)) < TERMS_MAX]
    if not words:
        return
    word = data.draw(st.sampled_from(words)).replace('"', ".").rstrip("*")
    assert matches(parse_query(word), terms(text))
    assert matches(parse_query(f'"{word}"'), terms(text))
    assert matches(parse_query(word.casefold()), terms(text))


@given(st.text(st.sampled_from("会議室はｱガ한국어々"), min_size=1, max_size=12), st.data())
def test_any_part_of_a_run_without_spaces_is_found(run: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(run) - 1))
    end = data.draw(st.integers(start + 1, len(run)))
    assert matches(parse_query(run[start:end]), terms(f"abc {run}, xyz"))
