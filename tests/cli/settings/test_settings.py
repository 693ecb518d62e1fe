"""Settings without a flag: in the environment and in ``chat.toml``."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from chatcore import UsageError
from cli.app import app
from cli.commands import config
from cli.places import config_file
from cli.settings.file import ConfigFile
from cli.settings.options import check_environment, settings_of
from tests.cli.conftest import Inside
from tests.cli.processes import chat, chat_server
from transports.threaded_tcp import connect

SETTINGS = settings_of(app.registered_commands)
OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", OPERATIONS, re.DOTALL | re.MULTILINE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a test's file."""
    return tmp_path / "chat.toml"


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in (each.variables for table in SETTINGS.values() for each in table.values()):
        for name in names:
            monkeypatch.delenv(name, raising=False)


def read(path: Path, text: str | bytes) -> ConfigFile:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return ConfigFile(str(path), SETTINGS)


def complaint(path: Path, text: str | bytes) -> str:
    """Return the complaint about a file, with FILE for its path."""
    with pytest.raises(UsageError) as caught:
        read(path, text)
    words = str(caught.value)
    assert str(path) in words
    return words.replace(str(path), "FILE")


# --- the file ------------------------------------------------------------------------------------


def test_the_example_in_the_documents_is_valid(path: Path) -> None:
    for each in EXAMPLES:
        read(path, each)
    (example,) = (each for each in EXAMPLES if "[client]" in each)
    file = read(path, example)
    tables = tomllib.loads(example)
    assert {"server", "client", "send", "tail"} <= set(tables)
    assert file.value("send", "url") == file.value("tail", "url") == tables["url"]
    for name, table in tables.items():
        if isinstance(table, dict):
            assert {key: file.value(name, key) for key in table} == table


def test_a_setting_for_one_command_wins_over_a_shared_one(path: Path) -> None:
    file = read(path, 'nick = "ada"\n[send]\nnick = "ci"\n')
    assert (file.value("client", "nick"), file.value("send", "nick")) == ("ada", "ci")
    assert file.value("tail", "nick") is None  # two connections cannot have one nick
    assert file.defaults()["server"] == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n[sever]\n", "FILE, line 2: sever is not a table of settings; did you mean [server]?"),
        ("[x]\n", "FILE, line 1: x is not a table of settings; the tables are [server], [client], "),
        ("[client]\n\nnik = 'a'", "FILE, line 3: client.nik is not a setting; did you mean nick?"),
        (
            "[send]\nx = 1",
            "FILE, line 2: send.x is not a setting; the settings are url, nick, kind, timeout, json",
        ),
        ("nik = 'a'", "FILE, line 1: nik is not a setting; did you mean nick?"),
        ("transport = 'threaded'", "FILE, line 1: transport belongs in [server]"),
        ("zebra = 1", "FILE, line 1: zebra is not a setting; settings go in a table such as [server]"),
        ("client = 1", "FILE, line 1: client is not a setting; settings go in a table such as [server]"),
        (
            "[client]\nroom = 'ops'",
            "FILE, line 2: client.room must be a list, such as [\"...\"], not 'ops'",
        ),
        ("[client]\nroom = [\n  1,\n]", "FILE, line 2: client.room must be a list"),
        ("[client]\njson = 1", "FILE, line 2: client.json must be true or false, not 1"),
        ("[client]\nhistory = true", "FILE, line 2: client.history must be a whole number, not True"),
        ("[client]\nhistory = -1", "FILE, line 2: client.history must be at least 0, not -1"),
        ("[send]\ntimeout = '9'", "FILE, line 2: send.timeout must be a number, not '9'"),
        ("[server]\ntransport = 1", "FILE, line 2: server.transport must be text in quotes, not 1"),
        ("[client]\nroom = [\n", "FILE is not TOML: "),
        (b"nick = '\xff'", "FILE is not UTF-8: "),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_is_valid(
    path: Path, text: str | bytes, words: str
) -> None:
    assert complaint(path, text).startswith(words)


def test_a_whole_number_is_a_number_and_a_byte_order_mark_is_ignored(path: Path) -> None:
    assert read(path, "\N{ZERO WIDTH NO-BREAK SPACE}[send]\ntimeout = 5").value("send", "timeout") == 5


def test_a_named_file_must_exist_and_the_default_one_need_not(tmp_path: Path) -> None:
    assert ConfigFile(None, SETTINGS).path == config_file()
    with pytest.raises(UsageError, match="there is no file"):
        ConfigFile(str(tmp_path / "none.toml"), SETTINGS)
    with pytest.raises(UsageError, match="cannot read"):
        ConfigFile(str(tmp_path), SETTINGS)


# --- the environment -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CHAT_CLIENT_HISTORY", "many", "CHAT_CLIENT_HISTORY must be a whole number, not 'many'"),
        ("CHAT_CLIENT_HISTORY", "-1", "CHAT_CLIENT_HISTORY must be at least 0, not '-1'"),
        ("CHAT_SEND_TIMEOUT", "nan", "CHAT_SEND_TIMEOUT must be a number, not 'nan'"),
        ("CHAT_BENCH_DURATION", "inf", "CHAT_BENCH_DURATION must be a number, not 'inf'"),
        ("CHAT_CLIENT_JSON", "maybe", "CHAT_CLIENT_JSON must be true or false, not 'maybe'"),
    ],
)
def test_an_invalid_value_is_reported_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        check_environment(SETTINGS, name.split("_")[1].lower())
    assert str(caught.value) == words
    check_environment(SETTINGS, "server")  # which does not read it
    with pytest.raises(UsageError, match=name):
        config.run(ConfigFile(None, SETTINGS), SETTINGS, path=False)


def test_a_timeout_may_be_endless(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("CHAT_SEND_TIMEOUT", "inf")
    assert SETTINGS["send"]["timeout"].from_environment() == ("CHAT_SEND_TIMEOUT", math.inf)
    assert read(path, "[send]\ntimeout = inf\n").value("send", "timeout") == math.inf


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CHAT_SERVER_LISTN", "; did you mean CHAT_SERVER_LISTEN?"),
        ("CHAT_SERVR_LISTEN", "; did you mean CHAT_SERVER_LISTEN?"),
        ("CHAT_SEND_XYLOPHONE", ""),
        ("CHAT_GPT_KEY", None),
        ("CHAT_CONFIG", None),
        ("CHAT_NICK", None),
    ],
)
def test_an_unknown_variable_is_reported_if_it_looks_like_ours(
    monkeypatch: pytest.MonkeyPatch, name: str, words: str | None
) -> None:
    monkeypatch.setenv(name, "x")
    expected = [] if words is None else [f"unknown variable {name}{words}"]
    assert check_environment(SETTINGS, "server") == expected


# --- all of it -----------------------------------------------------------------------------------


def test_a_flag_wins_over_the_environment_and_that_over_the_file(path: Path, inside: Inside) -> None:
    path.write_text('[send]\nnick = "from-file"\n')
    with chat_server() as server, connect(server.url, nick="listener") as listener:
        messages = iter(listener)
        more = {"CHAT_URL": server.url, "CHAT_CONFIG": str(path)}
        runs = [([], {}), ([], {"CHAT_NICK": "from-env"}), (["--nick", "flag"], {"CHAT_NICK": "x"})]
        for args, variables in runs:
            assert inside("send", "lobby", "hello", *args, **more, **variables).stderr == ""
        assert [next(messages).nick for _ in range(3)] == ["from-file", "from-env", "flag"]


def test_a_mistake_in_the_file_is_one_line_and_exit_2(path: Path) -> None:
    path.write_text("[server]\nlimit = 3\n")
    done = chat("--config", str(path), "server", CHAT_SERVER_LIMT="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "chat: unknown variable CHAT_SERVER_LIMT; did you mean CHAT_SERVER_LIMIT?",
        f'chat: {path}, line 2: server.limit must be a list, such as ["..."], not 3',
    ]


def test_the_output_of_config_is_a_valid_file(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_CLIENT_ROOM", "ops dev")
    monkeypatch.setenv("CHAT_CLIENT_JSON", "yes")
    file = read(path, '[send]\ntimeout = 5\n[tail]\nnick = "ears \\u007f"\n')
    config.run(file, SETTINGS, path=False)
    printed = capsys.readouterr().out
    assert f"# {path}\n" in printed
    for line in [
        'room = ["ops", "dev"]  # CHAT_CLIENT_ROOM',
        "json = true  # CHAT_CLIENT_JSON",
        "timeout = 5  # chat.toml, [send]",
        '# transport = "asyncio"  # default',
        '# nick = "..."  # default: your account, or your login name',
    ]:
        assert line in printed.splitlines()
    again = read(path, printed)
    assert again.value("client", "room") == ["ops", "dev"]
    assert again.value("tail", "nick") == "ears \x7f"
    everything = read(path, re.sub(r"^# (\w+ = )", r"\1", printed, flags=re.MULTILINE))
    assert everything.value("server", "listen") == ["..."]


def test_config_prints_the_path_of_the_file(inside: Inside) -> None:
    done = inside("config", "--path", XDG_CONFIG_HOME="/nowhere")
    assert (done.returncode, done.stdout) == (0, f"{Path('/nowhere/chatcore/chat.toml')}\n")
