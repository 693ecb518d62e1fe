"""Names: what they may be, and when two are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chatcore.names import LOBBY, NICK_CHARS, Nick, RoomName, Text, fold, is_numeric, is_reserved

nicks: TypeAdapter[str] = TypeAdapter(Nick)
rooms: TypeAdapter[str] = TypeAdapter(RoomName)
texts: TypeAdapter[str] = TypeAdapter(Text)


def allows(kind: TypeAdapter[str], value: str) -> bool:
    """Tell whether a value may be of a kind."""
    try:
        return kind.validate_python(value) == value
    except ValidationError:
        return False


@pytest.mark.parametrize("name", ["a", "Ana", "a-b_c.d", "007", "-", "x" * NICK_CHARS])
def test_names_are_ascii_letters_digits_and_three_signs(name: str) -> None:
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
def test_nothing_else_is_a_name(name: str) -> None:
    assert not allows(nicks, name)
    assert not allows(rooms, name)


def test_names_have_a_longest() -> None:
    assert NICK_CHARS == 32
    assert not allows(nicks, "x" * 33)
    assert allows(rooms, "x" * 64)
    assert not allows(rooms, "x" * 65)


@given(st.text())
def test_a_name_that_is_allowed_folds_to_one_that_is_and_only_once(name: str) -> None:
    if allows(rooms, name):
        assert allows(rooms, fold(name))
        assert fold(fold(name)) == fold(name)
        assert name.isascii()


@pytest.mark.parametrize("nick", ["admin", "Admin", "ROOT", "server", "System", "moderator", "operator"])
def test_nobody_may_look_like_an_authority(nick: str) -> None:
    assert is_reserved(nick)


@pytest.mark.parametrize("nick", ["admin1", "ana", "serverino", "me"])
def test_other_nicks_are_free_for_all(nick: str) -> None:
    assert not is_reserved(nick)


@pytest.mark.parametrize(
    ("nick", "numeric"), [("4711", True), ("0", True), ("4711-2", False), ("a1", False), ("1.5", False)]
)
def test_a_nick_of_digits_only_is_a_port(nick: str, numeric: bool) -> None:
    assert is_numeric(nick) is numeric


@given(st.text(min_size=1))
def test_a_text_is_anything_without_control_characters(text: str) -> None:
    has_controls = any((ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160 for c in text)
    assert allows(texts, text) is not has_controls


def test_a_text_is_not_empty() -> None:
    assert not allows(texts, "")


def test_the_lobby_is_a_room_as_it_is_folded() -> None:
    assert allows(rooms, LOBBY)
    assert fold(LOBBY) == LOBBY
