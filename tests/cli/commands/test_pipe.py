"""``chat client`` in a pipe."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chatcore import Hub, Moderate, UsageError
from cli.frames import parse_frame
from cli.texts import CONTINUED
from tests.cli.late_gate import LateGate
from tests.cli.processes import (
    CHAT,
    ChatServer,
    chat,
    chat_server,
    environment,
    line_of,
    rest_of,
    spawn,
    watched,
)
from tests.cli.scripted import line, message, scripted_server
from tests.ports import fixed_port
from transports.threaded_tcp import Chat, connect, serve


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server without a limit on the rate."""
    with chat_server("--limit", "frames_per_second=none") as running:
        yield running


@pytest.fixture
def listener(server: ChatServer) -> Iterator[Chat]:
    """A member who reads what the client posts."""
    with connect(server.url, nick="listener") as chat_:
        yield chat_


def said(listener: Chat, count: int) -> list[str]:
    messages = iter(listener)
    return [next(messages).text for _ in range(count)]


def test_a_line_is_posted_and_acknowledged_before_the_exit(server: ChatServer, listener: Chat) -> None:
    done = chat("client", server.url, "--nick", "piper", stdin="hello\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    message = next(iter(listener))
    assert (message.nick, message.text) == ("piper", "hello")


def test_a_server_that_lets_nobody_in_yet_is_awaited() -> None:
    with contextlib.closing(Hub(gate=LateGate(2))) as hub, serve("chat://127.0.0.1:0", hub=hub) as late:
        url = str(late.listening[0])
        done = chat("client", url, "--nick", "piper", stdin="hello\n")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "chat: the server lets nobody in yet: not yet; trying again\n"
        with connect(url, nick="listener", history=1) as listener:
            assert said(listener, 1) == ["hello"]


def test_all_lines_arrive_in_order_and_the_last_one_needs_no_newline(
    server: ChatServer, listener: Chat
) -> None:
    lines = [f"line {number}" for number in range(1_000)]
    done = chat("client", server.url, "--nick", "piper", stdin="\n\n".join(lines))
    assert done.returncode == 0
    assert said(listener, 1_000) == lines


def test_a_line_that_is_too_long_is_refused_and_the_others_are_sent(
    server: ChatServer, listener: Chat
) -> None:
    done = chat("client", server.url, "--nick", "piper", stdin=f"one\n{'x' * 20_000}\ntwo\n")
    assert said(listener, 2) == ["one", "two"]
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "line 2: the text has 20,000 bytes, and the limit is 16,384; --split sends" in done.stderr


def test_a_line_that_is_too_long_is_split_on_request(server: ChatServer, listener: Chat) -> None:
    words = "grün " * 8_000
    done = chat("client", server.url, "--nick", "piper", "--split", stdin=f"{words}\nend")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third, end = said(listener, 4)
    assert all(piece.startswith(f"{CONTINUED}grün") for piece in (second, third))
    joined = " ".join(piece.removeprefix(CONTINUED) for piece in (first, second, third))
    assert (joined, end) == (words.strip(), "end")
    assert max(len(piece.encode()) for piece in (first, second, third)) <= 16 * 1024


def test_escape_sequences_and_bad_utf8_are_harmless(server: ChatServer, listener: Chat) -> None:
    lines = b"a\x1b[31mb\xffc\td\r\n\x1b[0m\n\x1b]0;title\x07after\x08"
    done = chat("client", server.url, "--nick", "piper", stdin=lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(listener, 2) == ["ab\N{REPLACEMENT CHARACTER}c\td", "after\N{REPLACEMENT CHARACTER}"]


def test_no_input_is_the_end_of_input(server: ChatServer) -> None:
    assert chat("client", server.url).returncode == 0


def test_a_closed_input_is_the_end_of_input(server: ChatServer) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {CHAT} client {server.url} <&-"],
        env=environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_is_read(server: ChatServer, listener: Chat, tmp_path: Path) -> None:
    (tmp_path / "news").write_text("from a file\n")
    with (tmp_path / "news").open() as file:
        done = subprocess.run(
            [CHAT, "client", server.url, "--nick", "piper"],
            stdin=file,
            env=environment(),
            timeout=30,
            check=False,
        )
    assert done.returncode == 0
    assert said(listener, 1) == ["from a file"]


def test_messages_of_others_are_printed_while_the_input_is_open(server: ChatServer, listener: Chat) -> None:
    with spawn("client", server.url, "--nick", "piper") as process:
        assert process.stdin is not None
        process.stdin.write("I am here\n")
        process.stdin.flush()
        assert said(listener, 1) == ["I am here"]
        listener.post("two\nlines")
        assert line_of(process.stdout) == "listener: two\n"
        assert line_of(process.stdout) == "listener: lines\n"
        process.stdin.close()
        assert process.wait() == 0


def test_json_prints_every_frame(server: ChatServer) -> None:
    done = chat("client", server.url, "--nick", "piper", "--json", stdin='{"room":"lobby","text":"hello"}\n')
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    types = [frame["type"] for frame in frames]
    assert types[:2] == ["welcome", "joined"]
    assert "ack" in types  # it may exit before its own copy of the message arrives
    assert done.returncode == 0


def test_json_sends_every_frame_that_a_client_may_send(server: ChatServer, listener: Chat) -> None:
    asked = [
        {"type": "join", "room": "attic"},
        {"type": "post", "room": "attic", "id": "mine", "text": "up here"},
        {"type": "history", "room": "attic", "limit": 1, "token": "older"},
        {"type": "who", "room": "lobby"},
        {"type": "nick", "nick": "plumber"},
        {"type": "leave", "room": "attic"},
        {"room": "lobby", "text": "down\nhere", "id": "mine"},
    ]
    lines = "\n".join(json.dumps(each) for each in asked)
    done = chat("client", server.url, "--nick", "piper", "--json", stdin=lines)
    assert (done.returncode, done.stderr) == (0, "")
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    answers = [frame for frame in frames if frame["type"] not in ("welcome", "presence", "message")]
    types = ["joined", "joined", "ack", "page", "members", "nick", "left", "ack"]
    assert [frame["type"] for frame in answers] == types
    assert (answers[3]["token"], answers[3]["messages"][0]["id"]) == ("older", "mine")
    message = next(iter(listener))
    assert (message.id, message.nick, message.text) == ("mine", "plumber", "down\nhere")


def test_an_invalid_line_is_reported_with_its_number_and_the_others_are_sent(
    server: ChatServer, listener: Chat
) -> None:
    lines = ["hello", '{"room":"lobby","text":"one"}', "", '{"room":"lobby"}', "[]", '{"type":"hello"}']
    lines += ['{"room":"lobby","text":"two"}', '{"room":"lobby","text":"' + "x" * 100_000 + '"}']
    done = chat("client", server.url, "--nick", "piper", "--json", stdin="\n".join(lines))
    assert said(listener, 2) == ["one", "two"]
    assert done.returncode == 3  # what is too long is refused, and that counts more than an invalid line
    errors = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in errors] == [f"line {number}" for number in (1, 4, 5, 6, 8)]
    assert errors[1] == "chat: line 4: a post frame needs text"
    assert errors[-1].endswith("the text has 100,000 bytes, and the limit is 16,384 (too_long)")
    refused = lines[1] + "\n" + '{"room":"nowhere","text":"x"}' + "\n" + lines[3]
    done = chat("client", server.url, "--nick", "piper", "--json", stdin=refused)
    assert said(listener, 1) == ["one"]
    assert done.returncode == 3
    assert '"code":"not_joined"' in done.stdout
    assert "line 2: join the room" in done.stderr


def test_a_script_may_moderate() -> None:
    frame = parse_frame('{"type":"moderate","act":"kick","room":"lobby","nick":"mallory"}')
    assert isinstance(frame, Moderate)
    assert (frame.act, frame.nick) == ("kick", "mallory")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ("7", "this is not a JSON object"),
        ('{"type":"pong"}', "the client sends pong frames itself"),
        ('{"type":"invite"}', "the answer would be a secret"),
        ('{"type":"message"}', "a client cannot send the type 'message'; the types are post, "),
        ('{"type":["post"]}', "a client cannot send the type"),
        ('{"text":"x"}', "a post frame needs room"),
        ('{"room":"no room","text":"x"}', "a room's name is"),
        ('{"room":"lobby","text":""}', "a text has at least"),
        ('{"room":"lobby","text":"x","id":7}', "an id is"),
        ('{"type":"join","room":"lobby","after":{"epoch":"e"}}', "a join frame needs after.seq"),
        ('{"type":"history","room":"lobby","limit":0}', "limit: "),
        ('{"type":"rooms","prefix":"a b"}', "prefix: "),
        ('{"room":"lobby","text":"x","kind":"A"}', "a kind is text, action or notice"),
    ],
)
def test_an_invalid_line_is_explained(line: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_frame(line)
    assert str(caught.value).startswith(words)
    assert len(str(caught.value)) < 200


def test_the_history_is_printed_on_request(server: ChatServer, listener: Chat) -> None:
    listener.post("one", room="lobby")
    listener.post("two", room="lobby")
    with spawn("client", server.url, "--nick", "piper", "--history", "2") as process:
        assert [line_of(process.stdout), line_of(process.stdout)] == ["listener: one\n", "listener: two\n"]


def test_several_rooms_are_printed_with_their_names(server: ChatServer, listener: Chat) -> None:
    listener.join("second")
    with spawn("client", server.url, "--nick", "piper", "--room", "lobby", "--room", "second") as process:
        assert process.stdin is not None
        process.stdin.write("in the first\n")
        process.stdin.flush()
        assert said(listener, 1) == ["in the first"]
        listener.post("over here", room="second")
        assert line_of(process.stdout) == "second listener: over here\n"


def test_only_an_invalid_line_is_exit_2(server: ChatServer) -> None:
    done = chat("client", server.url, "--nick", "piper", "--json", stdin='{"room":"lobby"}\n')
    assert done.returncode == 2


# --- against a server that is a script -----------------------------------------------------------


def test_kinds_are_printed_as_people_read_them() -> None:
    with scripted_server() as server, spawn("client", server.url, "--nick", "piper") as process:
        server.say(message(1, "looks around\nand leaves", kind="action"))
        server.say(message(2, "done", kind="notice") + message(3, "yes", kind="x.vote", target=1))
        server.say(message(4, "mine", nick="piper", kind="action") + message(5, "the end"))
        assert [line_of(process.stdout) for _ in range(5)] == [
            "* mallory looks around\n",
            "mallory: and leaves\n",
            "mallory (notice): done\n",
            "mallory: yes\n",
            "mallory: the end\n",
        ]


def test_what_happens_to_the_rooms_is_reported() -> None:
    def join(frame: dict[str, Any]) -> bytes:
        joined = line(type="joined", room=frame["room"], epoch="e", head=9, after=0, count=1)
        if frame["room"] == "lobby":
            return joined
        skipped = line(type="gap", room="lobby", after=0, through=8, reason="skipped", count=3)
        put_out = line(type="left", room="ops", reason="expelled")
        return joined + skipped + put_out + message(9, "on", kind="action")

    options = ("--nick", "piper", "--room", "lobby", "--room", "ops", "--history", "9")
    with (
        scripted_server(answers={"join": join}) as server,
        spawn("client", server.url, *options) as process,
    ):
        assert line_of(process.stdout) == "lobby * mallory on\n"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0
        assert process.stderr is not None
        assert process.stderr.read().splitlines() == [
            "chat: lobby: 3 messages were skipped here (1 to 8)",
            "chat: you were put out of ops",
        ]


def test_json_sends_kinds_and_asks_for_rooms() -> None:
    asked: list[dict[str, Any]] = []

    def post(frame: dict[str, Any]) -> bytes:
        asked.append(frame)
        return line(type="ack", room="lobby", id=frame["id"], seq=1, durability="synced")

    def rooms(frame: dict[str, Any]) -> bytes:
        asked.append(frame)
        return line(type="room_list", rooms=[], more=False, token=frame["token"])

    lines = [
        {"room": "lobby", "text": "looks around", "kind": "action"},
        {"type": "rooms", "prefix": "o", "token": "mine"},
        {"room": "lobby", "text": "yes", "kind": "x.vote", "target": 1},
    ]
    with scripted_server(answers={"post": post, "rooms": rooms}) as server:
        input_ = "\n".join(map(json.dumps, lines))
        done = chat("client", server.url, "--nick", "piper", "--json", stdin=input_)
    assert (done.returncode, done.stderr) == (0, "")
    types = [json.loads(each)["type"] for each in done.stdout.splitlines()]
    assert types == ["welcome", "joined", "ack", "room_list", "ack"]
    assert [(frame.get("kind"), frame.get("target"), frame.get("token")) for frame in asked] == [
        ("action", None, None),
        (None, None, "mine"),
        ("x.vote", 1, None),
    ]


def test_what_a_server_does_not_take_yet_is_reported_with_what_is_left(tmp_path: Path) -> None:
    """The server answers the first post only when the client has said that it waits."""
    owed: list[str] = []

    def post(frame: dict[str, Any]) -> bytes:
        owed.append(frame["id"])
        return b"" if len(owed) == 1 else _ack(frame["id"], len(owed))

    (tmp_path / "log").write_text("x\n" * 300)
    with (
        scripted_server(answers={"post": post}) as server,
        (tmp_path / "log").open() as log,
        subprocess.Popen(
            [CHAT, "client", server.url, "--nick", "piper"],
            stdin=log,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process,
        watched(process),
    ):
        held = line_of(process.stderr)
        server.say(_ack(owed[0], 1))
        assert process.stderr is not None
        errors = process.stderr.read()
        code = process.wait()
    assert held == (
        "chat: the server holds us back: 257 messages have no answer yet, 86 bytes of input are left\n"
    )
    assert (code, errors) == (0, "chat: the server no longer holds us back\n")


def _ack(id_: str, seq: int) -> bytes:
    return line(type="ack", room="lobby", id=id_, seq=seq, durability="synced")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["chat://127.0.0.1:1"], 1, ["chat server"]),
        (["plain://127.0.0.1:7024"], 2, ["chat://"]),
        (["--history", "-1"], 2, ["--history"]),
    ],
)
def test_a_mistake_has_its_exit_code_and_says_what_is_wrong(
    args: list[str], code: int, words: list[str]
) -> None:
    done = chat("client", *args)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)


@pytest.mark.parametrize("nick", ["listener", "root", "12345"])
def test_a_refused_nick_is_exit_3_and_says_what_to_do(server: ChatServer, listener: Chat, nick: str) -> None:
    done = chat("client", server.url, "--nick", nick)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "--nick" in done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        '{"type":"error","code":"unsupported_protocol","message":"this server speaks protocol 2 to 3"}',
        '{"type":"welcome","protocol":2,"server":"x","session":"y","nick":"piper","limits":{}}',
    ],
)
def test_no_common_protocol_version_is_exit_4(answer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(answer.encode() + b"\n")
                while sock.recv(65536):  # until the client closes
                    pass

        served = pool.submit(serve)
        done = chat("client", f"chat://127.0.0.1:{listener.getsockname()[1]}", "--nick", "piper")
        served.result()
    assert done.returncode == 4
    assert "protocol" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_invalid_nick_is_a_usage_error(server: ChatServer) -> None:
    done = chat("client", server.url, "--nick", "two words")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_login_name_that_is_taken_gets_a_number(server: ChatServer, listener: Chat) -> None:
    done = chat("client", server.url, stdin="hello\n", LOGNAME="listener")
    assert done.returncode == 0
    assert next(iter(listener)).nick == "listener-2"


def test_a_login_name_that_is_not_a_valid_nick_is_replaced(server: ChatServer, listener: Chat) -> None:
    done = chat("client", server.url, stdin="hello\n", LOGNAME="root")
    assert done.returncode == 0
    assert next(iter(listener)).nick.startswith("guest-")


def test_a_piped_client_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    journal = f"sqlite:{tmp_path / 'journal.db'}"
    url = f"chat://127.0.0.1:{fixed_port()}"
    with (
        chat_server("--journal", journal, listens=(url,)) as server,
        spawn("client", server.url, "--json") as process,
    ):
        assert process.stdin is not None
        assert json.loads(line_of(process.stdout))["type"] == "welcome"
        server.signal(signal.SIGTERM)
        server.wait()
        assert "reconnecting" in line_of(process.stderr)
        process.stdin.write('{"room":"lobby","text":"said while nobody was there"}\n')
        process.stdin.flush()
        with chat_server("--journal", journal, listens=(url,)):
            frames = iter(lambda: json.loads(line_of(process.stdout)), None)
            message = next(frame for frame in frames if frame["type"] == "message")
            process.stdin.close()
            assert process.wait() == 0
    assert message["text"] == "said while nobody was there"


def test_ctrl_c_is_exit_130(server: ChatServer) -> None:
    with spawn("client", server.url, "--json") as process:
        line_of(process.stdout)
        os.kill(process.pid, signal.SIGINT)
        _, errors = rest_of(process)
    assert process.returncode == 130
    assert errors == ""


def test_without_a_reader_of_its_output_what_was_read_must_be_stored(
    server: ChatServer, tmp_path: Path
) -> None:
    (tmp_path / "news").write_text('{"room":"lobby","text":"hello"}\n' * 1_000)
    reader, writer = os.pipe()
    os.close(reader)
    with (tmp_path / "news").open() as file, os.fdopen(writer) as output:
        done = subprocess.run(
            [CHAT, "client", server.url, "--json"],
            stdin=file,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"not all of the input is stored" in done.stderr


def test_without_a_reader_of_its_output_it_ends_well_if_all_of_the_input_is_stored(
    server: ChatServer, listener: Chat
) -> None:
    with spawn("client", server.url, "--nick", "piper") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("I am here\n")
        process.stdin.flush()
        assert said(listener, 1) == ["I am here"]
        process.stdout.close()
        listener.post("two")
        assert process.wait() == 0
