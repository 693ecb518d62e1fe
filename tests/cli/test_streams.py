"""What is written to a terminal, a pipe or a file, whatever its encoding."""

import ast
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.streams import encode_json, encode_text
from tests import rows
from tests.cli.processes import CHAT, chat_server, environment
from tests.cli.pty import in_terminal
from transports.threaded_tcp import connect

CLI = Path(__file__).parents[2] / "cli"
TEXT = "smörgås \U0001f642 \u202egnp.exe\u202c \u200b."
ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "strict ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "a C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "UTF-8": {"PYTHONIOENCODING": "utf-8"},
}

COMMANDS = {
    "client": "client URL --history 99",
    "client --json": "client URL --json --history 99",
    "tail": "tail lobby -n 99 --url URL",
    "tail --json": "tail lobby -n 99 --json --url URL",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server whose lobby has a message of every kind of letter, and one that is wide."""
    with chat_server() as server:
        with connect(server.url, nick="bob") as bob:
            bob.post(TEXT)
            bob.post("-" * 35 + "10:21~bob: I have resigned")
        yield server.url


class Stream(io.TextIOWrapper):
    """A stream of an encoding, which may be a terminal."""

    def __init__(self, encoding: str, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_text_is_sanitized_and_encoded_as_the_stream_is() -> None:
    assert encode_text("é\x1b[2J\u202e漢\n\tx\n", Stream("utf-8", terminal=False)) == (
        "é␛[2J\ufffd漢\n        x\n".encode()
    )
    assert encode_text("é\x1b漢\n", Stream("latin-1", terminal=False)) == b"\xe9??\n"
    assert encode_text("é漢\udcff\n", Stream("ascii", terminal=False)) == b"???\n"


def test_a_wide_line_is_broken_and_indented_on_a_terminal_only() -> None:
    text = f"eve: {'-' * 75}10:21 bob: hi\nend\n"
    assert encode_text(text, Stream("utf-8", terminal=False)) == text.encode()
    rows = encode_text(text, Stream("utf-8", terminal=True)).decode().split("\n")
    assert rows == [f"eve: {'-' * 75}", "        10:21 bob: hi", "end", ""]
    assert encode_text(text, Stream("utf-8", terminal=True), wrap=False) == text.encode()


@pytest.mark.parametrize("terminal", [True, False])
def test_json_means_the_same_on_a_terminal_and_does_nothing_there(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Stream("ascii", terminal=terminal))
    frame = json.dumps({"text": f"{TEXT}\x9b2J\U000e0041\u2028"}, ensure_ascii=False).encode() + b"\n"
    data = encode_json(frame)
    assert json.loads(data) == json.loads(frame)
    assert (data == frame) is not terminal
    assert data.endswith(b"\n")
    assert data.decode()[:-1].isprintable() is terminal


@pytest.mark.parametrize(("encoding", "command"), list(rows.ENCODINGS))
def test_no_letter_ends_a_command(url: str, command: str, encoding: str) -> None:
    is_json = "--json" in command
    argv = [url if word == "URL" else word for word in COMMANDS[command].split()]
    done = subprocess.run(
        [CHAT, *argv],
        input=b'{"room":"lobby","text":"x"}\n' if is_json else b"x\n",
        capture_output=True,
        env=environment(**ENCODINGS[encoding]),
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    if argv[0] == "client":
        return  # it may end before it has printed what others said
    output = done.stdout.decode("utf-8" if is_json else "latin-1")
    if is_json:
        assert TEXT in [json.loads(row).get("text") for row in output.splitlines()]
    else:
        assert "bob: sm" in output


def test_a_text_stays_in_its_place_on_a_terminal_without_a_prompt_too(url: str) -> None:
    with in_terminal(CHAT, "tail", "lobby", "-n", "99", "--url", url, columns=40) as terminal:
        assert terminal.wait_exit() == 0
        assert "\u202e".encode() not in terminal.raw
        rows = [row for row in terminal.everything if "piper" not in row and ": x" not in row]
    assert any(row.startswith("bob: smörgås") for row in rows)
    assert any("10:21~bob" in row for row in rows)
    assert all(row.startswith(("bob: ", "        ", "position ")) for row in rows if row)


def test_only_one_module_writes_to_the_standard_streams() -> None:
    allowed = {"streams.py", "stdout.py"}
    found = []
    for path in sorted(CLI.rglob("*.py")):
        if path.name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="print")) | ast.Call(func=ast.Attribute(attr="echo")):
                    found.append(f"{path.name}:{node.lineno}")
                case ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"),
                    attr="write" | "writelines" | "buffer" | "flush",
                ):
                    found.append(f"{path.name}:{node.lineno}")
                case _:
                    pass
    assert found == []
