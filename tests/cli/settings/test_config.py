"""`chat config` prints what commands use, and as a file its output makes them use the same.

What they use is asked of the parser of the command line itself.
"""

import io
import math
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.app import app
from cli.commands import config
from cli.settings.file import ConfigFile
from cli.settings.options import Setting, settings_of
from cli.settings.toml import toml

SETTINGS = settings_of(app.registered_commands)
GROUP: Any = typer.main.get_command(app)
SHARED = {name: each for table in SETTINGS.values() for name, each in table.items() if each.shared}
URLS = ["chat://chat.example", "chats://h:1/"]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
WORDS = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=8)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,5}", fullmatch=True)


def values_of(setting: Setting) -> st.SearchStrategy[Any]:
    """Return what a setting can be."""
    one: st.SearchStrategy[Any]
    least = math.ceil(setting.minimum or 0)
    if setting.kind is bool:
        one = st.booleans()
    elif setting.kind is int:
        one = st.integers(max(least, 0), 10**6)
    elif setting.kind is float:
        one = st.floats(max(least, 1), 1e30) | (st.just(math.inf) if setting.endless else st.nothing())
    else:
        one = st.sampled_from(URLS) if setting.name == "url" else TEXTS
    return st.lists(one, max_size=3) if setting.many else one


def variable_of(setting: Setting) -> st.SearchStrategy[str]:
    """Return what a variable of a setting can be; the environment has words of a list with spaces between."""
    if setting.many:
        return st.lists(WORDS, max_size=3).map(" ".join)
    return values_of(setting).map(lambda value: str(value).lower() if setting.kind is bool else str(value))


def some_of(table: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=table)


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """Draw a file, and an environment."""
    shared = {name: values_of(each) for name, each in SHARED.items() if name != "url"}
    server = st.fixed_dictionaries({"url": st.sampled_from(URLS)}, optional=shared)
    servers = draw(st.dictionaries(NAMES, server, max_size=2))
    urls = st.sampled_from([*URLS, *servers])
    above = draw(some_of({**shared, "url": urls}))
    commands = draw(st.lists(st.sampled_from(sorted(SETTINGS)), unique=True, max_size=3))
    tables = {
        command: draw(
            some_of(
                {name: urls if name == "url" else values_of(each) for name, each in SETTINGS[command].items()}
            )
        )
        for command in commands
    }
    variables = {
        variable: urls if each.name == "url" else variable_of(each)
        for table in SETTINGS.values()
        for each in table.values()
        for variable in each.variables
    }
    chosen = draw(st.lists(st.sampled_from(sorted(variables)), unique=True, max_size=4))
    environment = {name: draw(variables[name]) for name in chosen}
    return written(above, tables, servers), environment


def written(*parts: dict[str, Any]) -> str:
    """Write a file."""
    above, tables, servers = parts
    lines = [f"{name} = {toml(value)}" for name, value in above.items()]
    for head, table in (*tables.items(), *((f'servers."{name}"', each) for name, each in servers.items())):
        lines += [f"[{head}]", *(f"{name} = {toml(value)}" for name, value in table.items())]
    return "\n".join(lines)


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Have these variables and no other ones of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    with patch.dict(os.environ, {**others, **variables}, clear=True):
        yield


def used(path: Path, command: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the parser gives a command, and where each value comes from."""
    file = ConfigFile(str(path), SETTINGS)
    root = GROUP.make_context("chat", [command])
    root.default_map, root.obj = file.defaults(), file
    needed = {"send": ["lobby"], "search": ["word"], "trust": ["chat://h"]}.get(command, [])
    context = GROUP.commands[command].make_context(command, list(needed), parent=root)
    sources = {name: context.get_parameter_source(name).name for name in SETTINGS[command]}
    return {name: context.params[name] for name in SETTINGS[command]}, sources


def printed(path: Path | None, encoding: str = "utf-8") -> str:
    """Return what `chat config` prints."""
    data = io.BytesIO()
    with patch.object(sys, "stdout", io.TextIOWrapper(data, encoding)) as output:
        config.run(ConfigFile(None if path is None else str(path), SETTINGS), SETTINGS, path=False)
        output.flush()
        return data.getvalue().decode(encoding)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


NAMED = """
url = "work"
nick = "above"
[send]
nick = "own"
timeout = inf
[servers.work]
url = "chat://work.example"
nick = "at-work"
"""


@settings(max_examples=10, deadline=None)
@example(situation=(NAMED, {}), command="send")
@example(situation=(NAMED, {"CHAT_SEND_URL": "chat://h:1"}), command="send")
@example(situation=(NAMED, {"CHAT_NICK": "in-the-environment"}), command="send")
@example(situation=(NAMED, {}), command="tail")
@given(situation=situations(), command=st.sampled_from(sorted(SETTINGS)))
def test_what_is_printed_is_what_commands_use_and_as_a_file_they_use_the_same(
    place: Path, situation: tuple[str, dict[str, str]], command: str
) -> None:
    text, variables = situation
    before, after = place / "before.toml", place / "after.toml"
    before.write_text(text, "utf-8")
    with environment(variables):
        output = printed(before)
        values, sources = used(before, command)
        after.write_text(output, "utf-8")
        assert used(after, command)[0] == values
    assert tomllib.loads(output)[command] == {
        name: value for name, value in values.items() if sources[name] != "DEFAULT"
    }
    with environment({}):
        assert used(after, command)[0] == values


@pytest.mark.parametrize(
    ("command", "variables", "line"),
    [
        ("send", {}, 'url = "chat://work.example"  # [servers.work], by chat.toml, above all tables'),
        ("send", {}, 'nick = "at-work"  # [servers.work]'),
        ("send", {"CHAT_NICK": "bea"}, 'nick = "bea"  # CHAT_NICK'),
        ("send", {"CHAT_SEND_URL": "chat://h:1"}, 'nick = "own"  # chat.toml, [send]'),
        ("client", {"CHAT_CLIENT_URL": "chat://h:1"}, 'nick = "above"  # chat.toml, above all tables'),
        ("send", {"CHAT_URL": "wrok"}, 'url = "wrok"  # CHAT_URL; it is not a server of this file'),
        ("send", {}, "timeout = inf  # chat.toml, [send]"),
        (
            "server",
            {"CHAT_SERVER_CERT": "a\udcff"},
            '# cert = "a\\udcff"  # CHAT_SERVER_CERT, which is not UTF-8',
        ),
    ],
)
def test_each_setting_has_its_origin(
    tmp_path: Path, command: str, variables: dict[str, str], line: str
) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(NAMED)
    with environment(variables):
        _, table = printed(path).split(f"\n[{command}]\n")
    assert any(each.startswith(line) for each in table.partition("\n\n")[0].splitlines())


def test_no_name_of_a_file_adds_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nnick = 'x'\x1b[2J\x7f.toml"
    path.write_text(NAMED)
    with environment({}):
        output = printed(path)
    assert output.startswith(f"# {tmp_path}/a?nick = 'x'?[2J?.toml\n\n[server]\n")
    assert tomllib.loads(output)["client"]["nick"] == "at-work"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_value_is_not_changed_on_its_way_to_a_file(tmp_path: Path, encoding: str) -> None:
    nick = f"gr\u00fc\u00dfe \u20ac \U0001f600 \x1b[2J \u202e \u200b a{7 * chr(0x301)} \x7f \t\n"
    path = tmp_path / "chat.toml"
    path.write_text("[tail]\n")
    with environment({"CHAT_TAIL_NICK": nick}):
        output = printed(path, encoding)
    assert tomllib.loads(output)["tail"]["nick"] == nick
    assert ("gr\u00fc" in output) is False  # one that a terminal changes is escaped as a whole
    with environment({"CHAT_TAIL_NICK": "gr\u00fc\u00dfe"}):
        assert ('"gr\u00fc\u00dfe"' in printed(path, encoding)) == (encoding != "ascii")


def test_a_file_that_cannot_be_read_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("cli.settings.file._is_reachable", lambda _: False)
    with environment({"XDG_CONFIG_HOME": str(tmp_path)}):
        output = printed(None)
    assert output.startswith(f"# cannot read {tmp_path}/chatcore/chat.toml: Permission denied\n")
