"""What `docs/` says about the protocol and about running a server is what the code does."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from chatcore.address import Peer
from chatcore.errors import ERROR_CODES
from chatcore.journal.memory import MemoryJournal
from chatcore.kinds import kind_problem
from chatcore.limits import ClientLimits, HistoryLimits, Limits
from chatcore.messages import (
    ClientFrame,
    ClosingWord,
    DurabilityWord,
    Frame,
    GapWord,
    LeftWord,
    ServerFrame,
    client_frames,
    encode,
    server_frames,
)
from chatcore.names import RESERVED_FOLDED
from chatcore.schema import json_schema
from chatcore.server.hub import Hub
from chatcore.server.room import CROWD
from chatcore.wire.ndjson import NdjsonDecoder
from cli import report
from tests.protocol.codec import decode_client, decode_server
from tests.protocol.codec import encode as encode_independently
from tests.protocol.frames import Frame as ProtocolFrame
from tests.protocol.reader import FrameReader

DOCS = Path(__file__).parent.parent / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text("utf-8")
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")

DIRECTIONS: list[tuple[str, TypeAdapter[Any], Any]] = [
    ("client", client_frames, ClientFrame),
    ("server", server_frames, ServerFrame),
]


def golden(direction: str) -> list[bytes]:
    return (DOCS / "frames" / f"{direction}.ndjson").read_bytes().splitlines(keepends=True)


def models(union: Any) -> tuple[type[Frame], ...]:
    (joined, _) = get_args(union)
    return get_args(joined)


def type_of(model: type[Frame]) -> str:
    name: str = model.model_fields["type"].default
    return name


CLIENT_TYPES = {type_of(model) for model in models(ClientFrame)}

LINES = [
    pytest.param(adapter, line, id=f"{direction}-{number}")
    for direction, adapter, _ in DIRECTIONS
    for number, line in enumerate(golden(direction), 1)
]


# --- golden frames -------------------------------------------------------------------------------


@pytest.mark.parametrize(("adapter", "line"), LINES)
def test_a_golden_line_decodes_and_encodes_to_the_same_bytes(adapter: TypeAdapter[Any], line: bytes) -> None:
    decoder: NdjsonDecoder[Any] = NdjsonDecoder(adapter, Limits().line_bytes)
    (frame,) = decoder.receive_data(line, 0.0)
    assert isinstance(frame, Frame)
    assert encode(frame) == line


@pytest.mark.parametrize(
    ("decode", "line"),
    [
        pytest.param(decode, line, id=f"{direction}-{number}")
        for direction, decode in (("client", decode_client), ("server", decode_server))
        for number, line in enumerate(golden(direction), 1)
    ],
)
def test_the_test_peer_reads_and_writes_golden_lines_too(
    decode: Callable[[bytes], ProtocolFrame], line: bytes
) -> None:
    assert encode_independently(decode(line)) == line


@pytest.mark.parametrize(("direction", "adapter", "union"), DIRECTIONS)
def test_every_frame_has_golden_lines_with_and_without_each_optional_field(
    direction: str, adapter: TypeAdapter[Any], union: Any
) -> None:
    frames = [json.loads(line) for line in golden(direction)]
    for model in models(union):
        of_type = [frame for frame in frames if frame["type"] == type_of(model)]
        assert of_type, f"no {type_of(model)}"
        for name, field in model.model_fields.items():
            assert any(name in frame for frame in of_type), f"{type_of(model)} never has {name}"
            if NoneType in get_args(field.annotation):
                assert any(name not in frame for frame in of_type), f"{type_of(model)} always has {name}"


@pytest.mark.parametrize(
    ("type_name", "field", "words"),
    [
        ("ack", "durability", get_args(DurabilityWord)),
        ("gap", "reason", get_args(GapWord)),
        ("closing", "reason", get_args(ClosingWord)),
        ("left", "reason", get_args(LeftWord)),
    ],
)
def test_every_durability_and_every_reason_has_a_golden_line(
    type_name: str, field: str, words: tuple[str, ...]
) -> None:
    frames = [json.loads(line) for line in golden("server")]
    assert {frame[field] for frame in frames if frame["type"] == type_name and field in frame} == set(words)


def test_golden_welcomes_have_every_limit_and_none_at_all() -> None:
    documented = [set(json.loads(line)["limits"]) for line in golden("server") if b'"welcome"' in line]
    assert set(ClientLimits.model_fields) in documented
    assert set() in documented


# --- the schema ----------------------------------------------------------------------------------


def test_the_committed_schema_matches_the_models() -> None:
    committed = (DOCS / "protocol.schema.json").read_text("utf-8")
    assert committed == json.dumps(json_schema(), indent=2) + "\n", (
        "run: chat schema >docs/protocol.schema.json"
    )


def test_the_schema_defines_exactly_what_it_refers_to() -> None:
    schema = json_schema()

    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (ref for key, ref in value.items() if key == "$ref" and isinstance(ref, str))
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from references(each)

    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} == set(schema["$defs"])


# --- what protocol.md says -----------------------------------------------------------------------


def section(text: str, title: str) -> str:
    """Return the text below a heading, up to the next heading that is not below it."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert found, f"no section {title}"
    below = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", below, re.MULTILINE)
    return below[: end.start()] if end else below


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, without their headings."""
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in row] for row in cells]
    ruled = [number for number, row in enumerate(table) if set("".join(row)) == {"-"}]
    return [row for number, row in enumerate(table) if number not in ruled and number + 1 not in ruled]


def coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_documented_error_codes_match_the_code() -> None:
    documented = [coded(row[0]) for row in rows(section(PROTOCOL, "Errors"))]
    assert documented == [[code] for code in ERROR_CODES]


def test_the_documented_closing_reasons_match_the_code() -> None:
    documented = [coded(row[0]) for row in rows(section(PROTOCOL, "Ending"))]
    assert {word for words in documented for word in words} == set(get_args(ClosingWord))


def test_the_documented_reasons_of_gaps_and_of_left_match_the_code() -> None:
    ((of_gaps, of_left),) = re.findall(
        r"^Gap reasons are (.*?); `left` has the reason (.*?);", PROTOCOL, re.MULTILINE
    )
    assert set(coded(of_gaps)) == set(get_args(GapWord))
    assert set(coded(of_left)) == set(get_args(LeftWord))
    documented = [coded(row[0]) for row in rows(section(PROTOCOL, "Position: nothing is missed in silence"))]
    assert documented == [[word] for word in get_args(GapWord)]


def test_the_documented_kinds_are_those_that_a_server_takes_and_refuses() -> None:
    table = {word: row for row in rows(section(PROTOCOL, "Kinds of messages")) for word in coded(row[0])}
    for word, row in table.items():
        kind = None if word == "text" else word.replace("x.", "x.poll")
        reserved, targeted = row[1] == "reserved", row[2] == "allowed"
        assert (kind_problem(kind, None) is None) != reserved, word
        assert (kind_problem(kind, 1) is None) == targeted, word


def test_the_documented_degrees_of_durability_match_the_code() -> None:
    (sentence,) = re.findall(r"^`durability` says .*?\.\n", PROTOCOL, re.MULTILINE | re.DOTALL)
    assert set(get_args(DurabilityWord)) <= set(coded(sentence))


@pytest.mark.parametrize(
    ("title", "union"),
    [("Frames from client to server", ClientFrame), ("Frames from server to client", ServerFrame)],
)
def test_the_documented_tables_of_frames_name_every_frame_and_field(title: str, union: Any) -> None:
    documented = {name: row[1] for row in rows(section(PROTOCOL, title)) for name in coded(row[0])}
    assert set(documented) == {type_of(model) for model in models(union)}
    for model in models(union):
        names = {
            name.removesuffix("?"): name
            for name in coded(documented[type_of(model)])
            if name.strip("?").isidentifier()
        }
        fields = {name: field for name, field in model.model_fields.items() if name != "type"}
        assert set(names) >= set(fields), type_of(model)
        for name, field in fields.items():
            optional = NoneType in get_args(field.annotation)
            assert names[name].endswith("?") == optional, f"{type_of(model)}.{name}"


def defaults() -> dict[str, str]:
    return {
        name: "none" if field.default is None else str(field.default)
        for model in (Limits, HistoryLimits)
        for name, field in model.model_fields.items()
    }


def test_the_documented_limits_for_a_client_match_the_code() -> None:
    documented = {coded(row[0])[0]: row[1] for row in rows(section(PROTOCOL, "Limits"))}
    assert documented == {name: defaults()[name] for name in ClientLimits.model_fields}


def test_the_documented_limits_of_a_server_match_the_code() -> None:
    documented = [(coded(row[0])[0], row[1]) for row in rows(section(OPERATIONS, "Limits"))]
    assert sorted(documented) == sorted(defaults().items())


def test_numbers_and_names_in_the_text_of_the_protocol_match_the_code() -> None:
    text = " ".join(PROTOCOL.split())
    limits = Limits()
    assert f"(`handshake_seconds` of the server, {limits.handshake_seconds:g} by default" in text
    assert f"`stall_seconds` ({limits.stall_seconds:g} by default)" in text
    crowd = f"in a room of more than {CROWD:,} members in proportion"
    assert f"(`presence_seconds`, {limits.presence_seconds:g} by default; {crowd})" in text
    assert f"for up to `closing_seconds` ({limits.closing_seconds:g} by default)" in text
    (nobody,) = re.findall(r"No nick may be (.*?), in any case", text)
    assert set(coded(nobody)) == RESERVED_FOLDED


# --- what operations.md says ---------------------------------------------------------------------


def test_the_documented_messages_on_standard_error_are_in_the_code() -> None:
    root = DOCS.parent
    sources = "".join(
        path.read_text("utf-8")
        for package in ("chatcore", "transports", "cli")
        for path in sorted((root / package).rglob("*.py"))
    )
    for row in rows(section(OPERATIONS, "Messages on standard error")):
        (message,) = coded(row[0])
        fixed = [part.strip() for part in re.split(r"PATH|URL|\.\.\.|^chat:|chat\.\w+:|\(synced\)", message)]
        assert any(fixed), message
        assert [part for part in fixed if part.strip(": ") not in sources] == [], message


def test_the_documented_exit_codes_match_the_code() -> None:
    documented = {int(row[0]) for row in rows(section(OPERATIONS, "Exit codes")) if row[0].isdigit()}
    assert documented == {
        0,
        report.FAILED,
        report.USAGE,
        report.REFUSED,
        report.NO_COMMON_PROTOCOL,
        report.INCOMPLETE,
        report.INTERRUPTED,
    }


# --- the first conversation ----------------------------------------------------------------------

# What differs from one conversation to the next.
FRESH = {"session", "epoch", "at", "durability"}


def blocks(info: str) -> list[list[bytes]]:
    found = re.findall(rf"^```json {info}\n(.*?)^```", PROTOCOL, re.DOTALL | re.MULTILINE)
    return [block.encode().splitlines(keepends=True) for block in found]


def without_fresh(line: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(line).items() if name not in FRESH}


def test_the_documented_first_conversation_happens_as_written() -> None:
    (asked,), (answered,) = blocks("client"), blocks("server")
    now = 0.0
    hub = Hub(MemoryJournal(), clock=lambda: now)
    endpoint = hub.endpoint(lambda: None)
    session = endpoint.open(Peer("127.0.0.1", 50_122))
    session.receive_data(b"".join(asked))
    received = b"".join(iter(session.data_to_send, b""))
    now = Limits().presence_seconds
    endpoint.handle_deadlines(now)
    received += b"".join(iter(session.data_to_send, b""))
    hub.close()
    assert [without_fresh(line) for line in received.splitlines()] == [
        without_fresh(line) for line in answered
    ]


def test_frames_in_the_text_of_the_protocol_are_valid() -> None:
    lines = re.findall(r"`(\{\"type\".*?\})`", PROTOCOL)
    assert lines
    for line in lines:
        client_frames.validate_json(line)
        server_frames.validate_json(line)


def examples() -> list[list[bytes]]:
    found = re.findall(r"^```json\n(.*?)^```", PROTOCOL, re.DOTALL | re.MULTILINE)
    return [block.encode().splitlines(keepends=True) for block in found]


def test_every_example_of_frames_in_the_protocol_is_sent_just_so() -> None:
    lines = [line for block in examples() for line in block]
    assert len(lines) > 8
    for line in lines:
        direction = "client" if json.loads(line)["type"] in CLIENT_TYPES else "server"
        adapter = client_frames if direction == "client" else server_frames
        assert encode(adapter.validate_json(line)) == line


def test_the_example_of_a_join_with_both_keeps_the_law_of_reading() -> None:
    (block,) = (block for block in examples() if b'"join"' in block[0])
    reader = FrameReader()
    reader.receive_line(golden("server")[0])
    reader.note_sent(decode_client(block[0]))
    for line in block[1:]:
        reader.receive_line(line)
    assert reader.positions["lobby"].seq == 2900


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_link_in_a_document_has_a_target(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = document.parent / path if path else document
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target
