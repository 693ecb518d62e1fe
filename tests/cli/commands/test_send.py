"""``chat send``: one message from a script."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chatcore import RefusedError, UsageError
from cli.access.login import Login
from cli.commands import send
from cli.commands.send import run
from cli.texts import CONTINUED
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, ChatServer, chat, chat_server, environment, rest_of, spawn
from tests.cli.scripted import Answers, line, scripted_server
from tests.cli.timeouts import begin_with, begin_with_a_refusal
from transports.threaded_tcp import Chat, connect
from transports.threaded_tcp.posting import Ack


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server that keeps messages in memory."""
    with chat_server() as running:
        yield running


@pytest.fixture
def listener(server: ChatServer) -> Iterator[Chat]:
    """A member of two rooms, who reads what is sent."""
    with connect(server.url, nick="listener", rooms=["lobby", "ops"]) as chat_:
        yield chat_


def test_the_number_is_printed_once_the_message_is_stored(server: ChatServer, listener: Chat) -> None:
    done = chat("send", "Ops", "the build is green", "--nick", "ci", CHAT_URL=server.url)
    message = next(iter(listener))
    assert (message.room, message.nick, message.text) == ("ops", "ci", "the build is green")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{message.seq}\n", "")


def test_all_of_the_input_is_one_message(server: ChatServer, listener: Chat) -> None:
    text = b"two\r\nl\xffnes \x1b[1m\n\n"
    done = chat("send", "lobby", "-", "--json", "--url", server.url, stdin=text)
    message = next(iter(listener))
    assert message.text == "two\nl\N{REPLACEMENT CHARACTER}nes "
    ack = json.loads(done.stdout)
    assert (done.returncode, ack["type"], ack["seq"], ack["id"]) == (0, "ack", message.seq, message.id)


def test_closed_outputs_do_not_prevent_sending(server: ChatServer, listener: Chat) -> None:
    command = f"exec {CHAT} send lobby quietly --url {server.url} >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], env=environment(), timeout=30, check=False).returncode == 0
    assert next(iter(listener)).text == "quietly"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
def test_output_that_cannot_be_written_is_exit_1_though_the_end_is_fast(server: ChatServer) -> None:
    command = f"exec {CHAT} send lobby unseen --url {server.url} >/dev/full"
    done = subprocess.run(
        ["sh", "-c", command], env=environment(), stderr=subprocess.PIPE, timeout=30, check=False
    )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_a_message_sent_again_with_its_id_is_stored_once(
    server: ChatServer, listener: Chat, inside: Inside
) -> None:
    sent = [inside("send", "lobby", "disk full", "--id", "disk-1", CHAT_URL=server.url) for _ in range(2)]
    assert sent[0].returncode == sent[1].returncode == 0
    assert sent[0].stdout == sent[1].stdout
    other = inside("send", "lobby", "disk empty", "--id", "disk-1", CHAT_URL=server.url)
    assert (other.returncode, other.stdout) == (3, "")
    assert "conflict" in other.stderr
    listener.post("the end", room="lobby")
    messages = iter(listener)
    assert [next(messages).text, next(messages).text] == ["disk full", "the end"]


def test_a_text_that_is_too_long_is_not_sent(server: ChatServer) -> None:
    done = chat("send", "lobby", "--url", server.url, stdin="x" * 100_000)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "the limit is 16,384" in done.stderr


def test_a_text_that_is_too_long_is_split_on_request_and_each_piece_is_stored_once(
    server: ChatServer, listener: Chat, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "input_text", lambda: f"{'x' * 16_000} {'y' * 16_000}")
    options = ("send", "lobby", "--split", "--id", "long", "--url", server.url)
    runs = [inside(*options) for _ in range(2)]
    listener.post("the end", room="lobby")
    messages = iter(listener)
    first, second, last = (next(messages) for _ in range(3))
    assert [first.id, second.id, last.text] == ["long", "long-2", "the end"]
    assert [first.text, second.text] == ["x" * 16_000, f"{CONTINUED}{'y' * 16_000}"]
    assert [run.stdout for run in runs] == [f"{first.seq}\n{second.seq}\n"] * 2
    acks = inside(*options, "--json").stdout.splitlines()
    assert [json.loads(ack)["id"] for ack in acks] == ["long", "long-2"]


def test_an_id_that_leaves_no_space_for_the_numbers_of_pieces_sends_nothing(
    server: ChatServer, listener: Chat, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "input_text", lambda: "x" * 20_000)
    done = inside("send", "lobby", "--split", "--id", "i" * 63, "--url", server.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--id is too long for a text of 2 messages" in done.stderr
    listener.post("the end", room="lobby")
    assert next(iter(listener)).text == "the end"


def test_a_message_is_stored_though_the_connection_is_lost_before_its_acknowledgement(
    inside: Inside,
) -> None:
    """The second connection takes the seat of the first, and sends the message again under its id."""
    asked: list[dict[str, Any]] = []

    def answers(number: int) -> Iterator[bytes]:
        yield WELCOME
        yield JOINED
        if number == 2:
            yield line(type="ack", room="lobby", id="mine", seq=7, durability="synced")

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            for number in (1, 2):
                sock, _ = listener.accept()
                with sock, sock.makefile("rb") as lines:
                    for answer, data in zip(answers(number), lines, strict=False):
                        asked.append(json.loads(data))
                        sock.sendall(answer)
                    if number == 1:
                        asked.append(json.loads(next(lines)))

        served = pool.submit(serve)
        url = f"chat://127.0.0.1:{listener.getsockname()[1]}"
        done = inside("send", "lobby", "hello", "--id", "mine", "--nick", "ci", "--url", url)
        served.result()
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")
    assert [frame["type"] for frame in asked] == ["hello", "join", "post"] * 2
    assert [frame.get("session") for frame in asked[::3]] == [None, "y"]
    assert asked[2] == asked[5]


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_text_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        run("chat://127.0.0.1:1", "ci", "lobby", text.strip("\n"), None, None, 1.0, login=Login(), json=False)


@pytest.mark.parametrize("kind", ["edit", "Action", "", "x.poll"])
def test_an_unknown_kind_is_a_usage_error(kind: str) -> None:
    with pytest.raises(UsageError, match="--kind must be action or notice"):
        run("chat://127.0.0.1:1", "ci", "lobby", "hello", None, kind, 1.0, login=Login(), json=False)


@pytest.mark.parametrize(
    ("options", "kind"), [([], None), (["--kind", "action"], "action"), (["--kind", "notice"], "notice")]
)
def test_a_message_is_sent_with_its_kind(inside: Inside, options: list[str], kind: str | None) -> None:
    asked: list[dict[str, Any]] = []

    def post(frame: dict[str, Any]) -> bytes:
        asked.append(frame)
        return line(type="ack", room="lobby", id=frame["id"], seq=7, durability="synced")

    with scripted_server(answers={"post": post}) as server:
        done = inside("send", "lobby", "looks around", *options, "--url", server.url)
    assert (done.returncode, done.stdout) == (0, "7\n")
    assert [(frame.get("kind"), frame["text"]) for frame in asked] == [(kind, "looks around")]


def test_the_kind_can_be_a_setting(inside: Inside) -> None:
    asked: list[dict[str, Any]] = []

    def post(frame: dict[str, Any]) -> bytes:
        asked.append(frame)
        return line(type="error", room="lobby", id=frame["id"], code="unknown_kind", message="not here")

    with scripted_server(answers={"post": post}) as server:
        done = inside("send", "lobby", "done", "--url", server.url, CHAT_SEND_KIND="notice")
    assert asked[0]["kind"] == "notice"
    assert (done.returncode, done.stdout) == (3, "")
    assert "not here (unknown_kind)" in done.stderr


def test_a_missing_server_is_exit_1_and_says_what_to_do(inside: Inside) -> None:
    done = inside("send", "lobby", "hello", "--url", "chat://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "chat server" in done.stderr


WELCOME = b'{"type":"welcome","protocol":1,"server":"x","session":"y","nick":"ci","limits":{}}\n'
JOINED = b'{"type":"joined","room":"lobby","epoch":"e","head":0,"after":0,"count":1}\n'


@pytest.mark.parametrize("hangs_up", [False, True])
def test_without_an_acknowledgement_the_error_has_the_id(
    hangs_up: bool, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted = threading.Event()
    begin_with(posted, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as mute, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            sock, _ = mute.accept()
            with sock:
                sock.sendall(WELCOME)
                while data := sock.recv(65536):
                    if b'"join"' in data:
                        sock.sendall(JOINED)
                    if b'"post"' in data:
                        posted.set()
                        if hangs_up:
                            sock.sendall(b'{"type":"closing","reason":"protocol"}\n')
                            return

        served = pool.submit(serve)
        url = f"chat://127.0.0.1:{mute.getsockname()[1]}"
        done = inside(
            "send", "lobby", "hello", "--id", "my-1", "--timeout", "0.2", "--nick", "ci", "--url", url
        )
        served.result()
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "may or may not be stored" in done.stderr
    assert "--id my-1" in done.stderr


def _ping(frame: dict[str, Any]) -> bytes:
    return line(type="ping")


def _silence(frame: dict[str, Any]) -> bytes:
    return b""


@pytest.mark.parametrize("answers", [{"hello": _silence}, {"join": _silence}, {"join": _ping}])
def test_a_timeout_covers_all_of_the_command(answers: Answers) -> None:
    with scripted_server(answers=answers) as server:
        done = chat("send", "lobby", "hello", "--timeout", "0.2", "--nick", "ci", "--url", server.url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did not let us in within 0.2 s: nothing was sent" in done.stderr


def test_a_timeout_covers_a_search_for_a_name(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    searched, over = threading.Event(), threading.Event()

    def search(*_args: object, **_options: object) -> list[object]:
        searched.set()
        over.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", search)
    done = inside(
        "send", "lobby", "hello", "--timeout", "0.2", "--nick", "ci", "--url", "chat://name.invalid"
    )
    over.set()
    assert searched.wait(30)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was sent" in done.stderr


def test_a_connection_that_is_lost_before_the_room_again_and_again_ends_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as loop, ThreadPoolExecutor(1) as pool:

        def serve() -> int:
            connections = 0
            while True:
                sock, _ = loop.accept()
                with sock:
                    if b'"hello"' not in sock.recv(65536):
                        return connections
                    sock.sendall(WELCOME)
                connections += 1

        served = pool.submit(serve)
        port = loop.getsockname()[1]
        done = chat(
            "send", "lobby", "hi", "--timeout", "1", "--nick", "ci", "--url", f"chat://127.0.0.1:{port}"
        )
        with socket.create_connection(("127.0.0.1", port)) as last:
            last.shutdown(socket.SHUT_WR)
            assert 1 <= served.result(30) < 20
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was sent" in done.stderr


def test_a_nick_that_is_busy_for_a_moment_is_waited_for(server: ChatServer, listener: Chat) -> None:
    busy = connect(server.url, nick="busy", rooms=[])
    with spawn("send", "ops", "free at last", "--nick", "busy", "--url", server.url) as sending:
        leaving = threading.Timer(0.7, busy.close)  # the other job is done
        leaving.start()
        output, errors = rest_of(sending)
        leaving.join()
    message = next(iter(listener))
    assert (message.nick, message.text) == ("busy", "free at last")
    assert (sending.returncode, output, errors) == (0, f"{message.seq}\n", "")


def test_a_nick_that_stays_busy_is_a_failure_that_may_pass(
    server: ChatServer, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_with_a_refusal(monkeypatch)
    with connect(server.url, nick="busy", rooms=[]):
        done = inside("send", "ops", "never", "--nick", "busy", "--timeout", "0.5", "--url", server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nick_taken" in done.stderr
    assert "nothing was sent" in done.stderr


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        ({"code": "unavailable", "message": "not now", "retry_after": 0.01}, 2),
        ({"code": "limit_exceeded", "message": "full", "retry_after": 0.01}, 2),
        ({"code": "limit_exceeded", "message": "too many sessions of your account"}, 2),
        ({"code": "limit_exceeded", "message": "full", "room": "lobby"}, 1),
        ({"code": "forbidden", "message": "not you"}, 1),
    ],
)
def test_only_what_may_pass_is_tried_again(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, error: dict[str, Any], tries: int
) -> None:
    tried: list[str] = []

    class Refused:
        """A conversation that is refused: once as the test says, and then for good."""

        def __init__(self, url: str, posts: object, *, nick: str, **_options: object) -> None:
            tried.append(nick)

        def run(self) -> list[Ack]:
            if len(tried) == 2:
                raise RefusedError("forbidden", "not you")
            more = {name: error.get(name) for name in ("room", "retry_after")}
            raise RefusedError(error["code"], error["message"], **more)

    monkeypatch.setattr(send, "Poster", Refused)
    done = inside("send", "lobby", "hi", "--nick", "ci", "--url", "chat://127.0.0.1:1")
    assert (done.returncode, len(tried)) == (3, tries)
