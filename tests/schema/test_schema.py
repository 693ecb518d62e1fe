"""The schema describes the lines that are sent, in a form that generators of types understand."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pytest
from hypothesis import given

from chatcore.messages import ClientFrame, Frame, ServerFrame, encode
from chatcore.schema import OPEN_SETS, RENAMED, json_schema
from tests.schema.validator import problems
from tests.wire.strategies import client_frame, server_frame

DOCS = Path(__file__).parent.parent.parent / "docs"
SCHEMA = json_schema()
DEFINITIONS = SCHEMA["$defs"]


def golden(direction: str) -> list[str]:
    """Return the golden lines of a direction."""
    return (DOCS / "frames" / f"{direction}.ndjson").read_text("utf-8").split("\n")[:-1]


GOLDEN = [
    pytest.param(definition, json.loads(line), id=f"{direction}-{number}")
    for direction, definition in {"client": "ClientFrame", "server": "ServerFrame"}.items()
    for number, line in enumerate(golden(direction), 1)
]


def problems_of(value: object, definition: str) -> list[str]:
    """Return what is wrong with a value."""
    return list(problems(value, DEFINITIONS[definition], SCHEMA))


def frames_of(union: Any) -> tuple[type[Frame], ...]:
    """Return the frames of a direction."""
    frames: tuple[type[Frame], ...] = get_args(get_args(union)[0])
    return frames


def parts_of(schema: object) -> Iterator[dict[str, Any]]:
    """Yield a schema and every schema in it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts_of(value)


# --- what it describes ---------------------------------------------------------------------------


@pytest.mark.parametrize(("definition", "frame"), GOLDEN)
def test_a_golden_line_is_what_the_schema_describes(definition: str, frame: dict[str, Any]) -> None:
    assert problems_of(frame, definition) == []


@given(frame=client_frame)
def test_what_a_client_sends_is_what_the_schema_describes(frame: ClientFrame) -> None:
    assert problems_of(json.loads(encode(frame)), "ClientFrame") == []


@given(frame=server_frame)
def test_what_a_server_sends_is_what_the_schema_describes(frame: ServerFrame) -> None:
    assert problems_of(json.loads(encode(frame)), "ServerFrame") == []


@pytest.mark.parametrize("union", [ClientFrame, ServerFrame])
def test_a_field_is_required_unless_it_may_be_left_out(union: Any) -> None:
    for frame in frames_of(union):
        fields = frame.model_fields.items()
        always = [name for name, field in fields if NoneType not in get_args(field.annotation)]
        assert DEFINITIONS[RENAMED.get(frame.__name__, frame.__name__)]["required"] == always


@pytest.mark.parametrize(("definition", "frame"), GOLDEN)
def test_null_is_no_value_of_any_field(definition: str, frame: dict[str, Any]) -> None:
    for field in frame:
        assert problems_of({**frame, field: None}, definition) != []


def test_a_word_that_is_not_known_yet_is_valid_where_sets_are_open() -> None:
    gap = {"type": "gap", "room": "lobby", "after": 1, "through": 2, "reason": "eaten"}
    assert problems_of(gap, "ServerFrame") == []
    assert problems_of({**gap, "reason": 5}, "ServerFrame") != []


@pytest.mark.parametrize(
    "line",
    [
        {"room": "lobby"},
        {"type": "leave", "room": "the lobby"},
        {"type": "post", "room": "lobby", "id": "1", "text": ""},
        {"type": "post", "room": "lobby", "id": "1", "text": "a\x00b"},
        {"type": "post", "room": "lobby", "id": "1", "kind": "Action", "text": "hi"},
        {"type": "post", "room": "lobby", "id": "1", "kind": "x.a", "target": 0, "text": "hi"},
        {"type": "history", "room": "lobby", "limit": 0},
        {"type": "join", "room": "lobby", "after": {"epoch": "e"}},
        {"type": "hello", "protocol": 1, "nick": "ada", "key": "too short"},
    ],
    ids=json.dumps,
)
def test_a_line_that_is_no_frame_is_not_valid(line: dict[str, Any]) -> None:
    assert problems_of(line, "ClientFrame") != []


# --- its form ------------------------------------------------------------------------------------


def properties(name: str) -> dict[str, Any]:
    """Return the properties of a definition."""
    found: dict[str, Any] = DEFINITIONS[name]["properties"]
    return found


@pytest.mark.parametrize(
    ("definition", "union"), [("ClientFrame", ClientFrame), ("ServerFrame", ServerFrame)]
)
def test_every_frame_of_a_direction_is_a_definition_with_its_type(definition: str, union: Any) -> None:
    frames = {RENAMED.get(frame.__name__, frame.__name__): frame for frame in frames_of(union)}
    assert DEFINITIONS[definition]["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in frames]
    mapping = DEFINITIONS[definition]["discriminator"]["mapping"]
    for name, frame in frames.items():
        word = frame.model_fields["type"].default
        assert properties(name)["type"] == {"const": word, "type": "string"}
        assert "type" in DEFINITIONS[name]["required"]
        assert mapping[word] == f"#/$defs/{name}"


def test_only_definitions_have_titles_which_are_their_names() -> None:
    assert {name: each["title"] for name, each in DEFINITIONS.items()} == {name: name for name in DEFINITIONS}
    titles = [part["title"] for part in parts_of(DEFINITIONS) if isinstance(part.get("title"), str)]
    assert sorted(titles) == sorted(DEFINITIONS)


def test_every_definition_says_what_it_is_in_words_of_no_one_language() -> None:
    for name, definition in DEFINITIONS.items():
        assert definition["description"], name
        assert "``" not in definition["description"], name
        assert not any(f"`{hidden}`" in definition["description"] for hidden in RENAMED), name


def test_no_part_has_a_default_or_may_be_null() -> None:
    for part in parts_of(DEFINITIONS):
        assert "default" not in part or "properties" not in part
        assert part.get("type") != "null"


def test_the_open_sets_are_definitions_with_their_words() -> None:
    for name, words in OPEN_SETS.items():
        known, any_other = DEFINITIONS[name]["anyOf"]
        assert (known["enum"], any_other) == (list(words), {"type": "string"})
        assert "unknown" not in words
