"""The table of all events in docs/operations.md, compared with the code, and a test for each of them."""

import ast
import json
import logging
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import get_annotations
from pathlib import Path
from typing import Any

import pytest

import chatcore
import cli
import transports
from chatcore.logs import LOG_EVENTS, LogEvent
from cli.logs.formats import JsonFormat, TextFormat

ROOT = Path(__file__).parent.parent
PACKAGES = (chatcore, transports, cli)
SECTION = (
    (ROOT / "docs" / "operations.md").read_text("utf-8").partition("\n## Logs\n")[2].partition("\n## ")[0]
)

CODES = {"too_long": 8, "not_joined": 1}


def declared() -> dict[str, "LogEvent[...]"]:
    """Return the events of all modules, without those of tests."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    return {name: event for name, event in LOG_EVENTS.items() if not name.startswith("test.")}


EVENTS = declared()


def words_of(event: "LogEvent[...]") -> str:
    """Return what an event says, with the names of its fields in capitals in their places."""
    values: dict[str, Any] = {name: CODES if name == "codes" else name.upper() for name in event.fields}
    return event.words(**values)


def row_of(event: "LogEvent[...]") -> str:
    """Return the row of an event, but for its last cell."""
    level = logging.getLevelName(event.level).lower()
    fields = ", ".join(f"`{name}`" for name in event.fields)
    return f"| `{event.name}` | {level} | `{event.logger}: {words_of(event)}` | {fields} |"


def test_the_table_has_a_row_for_each_event_and_no_other() -> None:
    rows = re.findall(r"^(\| `.*\|) [^|]+ \|$", SECTION, re.MULTILINE)
    assert sorted(rows) == sorted(map(row_of, EVENTS.values()))


def marked() -> Iterator[str]:
    """Yield the events that tests are marked with."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.logs":
                yield from (ast.literal_eval(argument) for argument in node.args)


def test_a_test_provokes_each_event() -> None:
    assert set(marked()) == set(EVENTS)


CLIENTS = ("client.py", "connection.py", "nodes.py")
"""They are in programs, not in servers; docs/library.md has what they log."""


LOGS = re.compile(r".*[lL]og\w*(\(.*\))?\.(info|warning|error|exception|critical)")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_server_logs_nothing_but_events(package: Any) -> None:
    others = [
        f"{path}:{node.lineno}"
        for path in Path(package.__path__[0]).rglob("*.py")
        if path.name not in CLIENTS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and re.fullmatch(
            r".*[lL]og\w*(\(.*\))?\.(info|warning|error|exception|critical)", ast.unparse(node.func)
        )
    ]
    assert others == []


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_field_has_a_type_and_every_name_is_of_two_words(event: "LogEvent[...]") -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.name)
    assert set(get_annotations(event.words)) - {"return"} == set(event.fields)
    assert 1 <= event.per_minute <= 1_000


def test_the_examples_are_what_a_server_writes() -> None:
    (shown,) = re.findall(r"^```json\n(.*)\n```$", SECTION, re.MULTILINE)
    (line,) = re.findall(r"^```text\n(.*)\n```$", SECTION, re.MULTILINE)
    event, found = EVENTS["requests.refused"], json.loads(shown)
    record = logging.LogRecord(event.logger, event.level, "", 0, "", (), None)
    vars(record).update(
        event=event.name, fields={"count": 9, "codes": CODES}, msg=event.words(count=9, codes=CODES)
    )
    written = json.loads(JsonFormat(journal=False).format(record))
    assert found | {"time": written["time"]} == written
    assert len(found["time"]) == len(written["time"])
    vars(record)["msg"] = line.partition("chat.server: ")[2]
    assert TextFormat(journal=False).format(record)[23:] == line[23:]
