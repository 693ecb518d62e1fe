"""Names: which ones are valid, and when two are the same."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chatcore.fields import Nick, RoomName, Text
from chatcore.names import LOBBY, NICK_CHARS, fold, is_numeric, is_reserved

# The first thousand characters, and each hundredth of the rest: all scripts, and what looks like ASCII.
SAMPLE = [code for code in (*range(0x400), *range(0x400, 0x110000, 100)) if not 0xD800 <= code < 0xE000]

nicks: TypeAdapter[str] = TypeAdapter(Nick)
rooms: TypeAdapter[str] = TypeAdapter(RoomName)
texts: TypeAdapter[str] = TypeAdapter(Text)


def allows(kind: TypeAdapter[str], value: str) -> bool:
    """Return whether a value is valid as a kind of name or text."""
    try:
        return kind.validate_python(value) == value
    except ValidationError:
        return False


@pytest.mark.parametrize("name", ["a", "Ana", "a-b_c.d", "007", "-", "x" * NICK_CHARS])
def test_names_may_hold_ascii_letters_digits_dots_underscores_and_dashes(name: str) -> None:
    assert allows(nicks, name)
    assert allows(rooms, name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a\n",
        "a\x00",
        "#room",
        "@ana",
        "*",
        "ana:",
        "/nick",
        "é",
        "а",
        "ａ",
        "a\u200b",
        "\u202ea",
        "⓪",
    ],
    ids=ascii,
)
def test_empty_names_and_names_with_other_characters_are_invalid(name: str) -> None:
    assert not allows(nicks, name)
    assert not allows(rooms, name)


def test_names_have_a_maximum_length() -> None:
    assert NICK_CHARS == 32
    assert not allows(nicks, "x" * 33)
    assert allows(rooms, "x" * 64)
    assert not allows(rooms, "x" * 65)


@given(st.text(st.sampled_from("aZkK09._-"), min_size=1, max_size=64))
def test_folding_a_valid_name_gives_a_valid_name_and_is_idempotent(name: str) -> None:
    assert allows(rooms, name)
    assert allows(rooms, fold(name))
    assert fold(fold(name)) == fold(name)


def test_a_name_has_only_ascii_letters_digits_and_three_signs() -> None:
    allowed = {chr(code) for code in SAMPLE if allows(rooms, chr(code))}
    assert allowed == {*string.ascii_letters, *string.digits, *"._-"}


@pytest.mark.parametrize(
    "nick", ["admin", "Admin", "ROOT", "server", "System", "moderator", "operator", "Owner", "keeper"]
)
def test_nicks_that_suggest_authority_are_reserved(nick: str) -> None:
    assert is_reserved(nick)


@pytest.mark.parametrize("nick", ["admin1", "ana", "serverino", "me", "owners", "guest"])
def test_other_nicks_are_not_reserved(nick: str) -> None:
    assert not is_reserved(nick)


@pytest.mark.parametrize(
    ("nick", "numeric"), [("4711", True), ("0", True), ("4711-2", False), ("a1", False), ("1.5", False)]
)
def test_only_a_nick_of_nothing_but_digits_is_numeric(nick: str, numeric: bool) -> None:
    assert is_numeric(nick) is numeric


@pytest.mark.parametrize("around", ["", "text"])
def test_a_text_may_hold_anything_but_control_characters(around: str) -> None:
    refused = {code for code in SAMPLE if not allows(texts, f"{around}{chr(code)}{around}")}
    assert refused == {*range(32), *range(127, 160)} - {ord("\t"), ord("\n")}


def test_a_text_must_not_be_empty() -> None:
    assert not allows(texts, "")


def test_the_lobby_is_a_valid_room_name_in_folded_form() -> None:
    assert allows(rooms, LOBBY)
    assert fold(LOBBY) == LOBBY
