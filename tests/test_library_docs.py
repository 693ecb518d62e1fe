"""Every program that docs/library.md shows is run against a server, and does what the page says.

A block marked ``python`` is a file, and its first line names it. All of them lie in one directory, since some
import others. A comment after a ``print`` is the line that it prints. The page's ports become the test's own.
"""

import ast
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import BaseModel

import chatcore
import chatcore.accounts
import chatcore.cluster
import chatcore.gate
import transports.jetstream
from chatcore import (
    Accounts,
    Closing,
    DisconnectedError,
    Event,
    Hub,
    Left,
    Message,
    Presence,
    RefusedError,
    SqliteJournal,
)
from chatcore.accounts import Administration
from chatcore.gate import Claim, Gate, OpenGate, Person, Refusal
from tests.jetstream.people import enter
from tests.jetstream.shared import shared_servers
from tests.ports import fixed_port
from tests.test_readme import anchors, blocks_of
from transports import asyncio_tcp, threaded_tcp
from transports.certificates import Certificate
from transports.threaded_tcp import Chat, connect, serve

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "library.md"
PAGE = DOCUMENT.read_text("utf-8")
BLOCKS = blocks_of(PAGE)
EXAMPLES = {block.text.splitlines()[0].removeprefix("# "): block.text for block in BLOCKS}
DEADLINE = 50.0
URLS = ["chats://chat.example"]

E = TypeVar("E", bound=Event)


class Program:
    """A Python file that runs in a directory. It is killed when a test has waited too long for it."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._watchdog = threading.Timer(DEADLINE, self._process.kill)
        self._watchdog.start()

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")

    def end(self, number: signal.Signals | None = None) -> tuple[int, list[str]]:
        """Send a signal, if there is one, and wait; return the exit code and the rest of the output."""
        if number is not None:
            self._process.send_signal(number)
        output, _ = self._process.communicate()
        self._watchdog.cancel()
        return self._process.returncode, output.splitlines()

    def stop(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()
        if self._process.stdout and not self._process.stdout.closed:
            self.end()


class Stage:
    """The page's examples as files, and what is to be ended with the test."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack

    def write(self, url: str, change: Callable[[str], str] = lambda text: text) -> None:
        """Write all examples for a server at a URL, each changed as a test needs it."""
        for name, text in EXAMPLES.items():
            text = re.sub("chats?://127.0.0.1:7024", url, text).replace(":7025", ":0")
            (self.directory / name).write_text(change(text), "utf-8")

    def run(self, *arguments: str) -> Program:
        program = Program(self.directory, *arguments)
        self._stack.callback(program.stop)
        return program

    def output_of(self, *arguments: str) -> list[str]:
        """Run a program that ends well; return what it printed."""
        code, output = self.run(*arguments).end()
        assert code == 0, output
        return output

    def serve(self, journal: SqliteJournal | None = None, gate: Gate | None = None) -> str:
        """Start a server; return its URL."""
        hub = self._stack.enter_context(Hub(journal, gate=gate))
        return str(self._stack.enter_context(serve("chat://127.0.0.1:0", hub=hub)).listening[0])

    def member(self, url: str, *rooms: str, nick: str = "grace") -> Chat:
        return self._stack.enter_context(connect(url, nick=nick, rooms=rooms))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def next_of(chat: Chat, kind: type[E], where: Callable[[E], bool] = lambda event: True) -> E:
    """Return the next event of a kind."""
    while True:
        event = chat.receive(timeout=DEADLINE)
        if isinstance(event, kind) and where(event):
            return event


def wait_until_joined(chat: Chat, nick: str) -> None:
    next_of(chat, Presence, lambda presence: nick in presence.joined)


def wait_until_left(chat: Chat, nick: str) -> None:
    next_of(chat, Presence, lambda presence: nick in presence.left)


def next_from(chat: Chat, nick: str) -> str:
    return next_of(chat, Message, lambda message: message.nick == nick).text


# The programs


@pytest.mark.parametrize(
    "name", [name for name, text in EXAMPLES.items() if re.search(r"print\(.*\)  # ", text)]
)
def test_an_example_prints_what_its_comments_say(stage: Stage, name: str) -> None:
    stage.write(stage.serve(SqliteJournal(stage.directory / "chat.db")))
    assert stage.output_of(name) == re.findall(r"print\(.*\)  # (.*)$", EXAMPLES[name], re.MULTILINE)


class Unready(OpenGate):
    """Refuses the first who come."""

    def __init__(self, *refusals: Refusal) -> None:
        self._refusals = list(refusals)

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        if self._refusals:
            answer(self._refusals.pop(0))
        else:
            super().enter(claim, answer)


def test_a_patient_program_waits_until_it_is_let_in(stage: Stage) -> None:
    gate = Unready(Refusal("unavailable", "not yet", 0.1), Refusal("unavailable", "nor now", 0.1))
    stage.write(stage.serve(gate=gate))
    assert stage.output_of("patient.py") == ["ada is in"]


def test_a_patient_program_waits_no_longer_than_it_wants_and_not_for_what_does_not_pass(stage: Stage) -> None:
    gate = Unready(Refusal("unavailable", "not today", 200.0), Refusal("forbidden", "never"))
    stage.write(stage.serve(gate=gate))
    for words in ("not today", "never"):
        code, output = stage.run("patient.py").end()
        assert code == 1
        assert output[-1].startswith("chatcore.errors.RefusedError")
        assert words in output[-1]


def test_the_bot_answers_and_ends_cleanly_on_ctrl_c(stage: Stage) -> None:
    stage.write(url := stage.serve())
    grace = stage.member(url, "ops")
    bot = stage.run("bot.py")
    wait_until_joined(grace, "bot")
    grace.post("hello, bot")
    grace.post("!ping")
    assert next_from(grace, "bot") == "grace: pong"
    assert bot.end(signal.SIGINT) == (0, [])
    wait_until_left(grace, "bot")


def test_the_bot_takes_its_nick_from_a_connection_that_still_has_it(stage: Stage) -> None:
    stage.write(url := stage.serve())
    grace = stage.member(url, "ops")
    old = stage.member(url, "attic", nick="bot")
    (stage.directory / "bot.secret").write_text(old.secret)
    bot = stage.run("bot.py")
    with pytest.raises(DisconnectedError) as ended:
        next_of(old, Left)
    assert ended.value.reason == "taken_over"
    wait_until_joined(grace, "bot")
    grace.post("!ping")
    assert next_from(grace, "bot") == "grace: pong"
    assert bot.end(signal.SIGINT) == (0, [])
    assert (stage.directory / "bot.secret").read_text() == old.secret


def test_the_lonely_bot_asks_for_company_and_ends_cleanly_on_ctrl_c(stage: Stage) -> None:
    stage.write(url := stage.serve(), lambda text: text.replace("600.0", "1.0"))
    grace = stage.member(url, "lobby")
    bot = stage.run("lonely_bot.py")
    assert next_from(grace, "lonely") == "is anyone here?"
    grace.post("I am")
    answer = next_of(
        grace, Message, lambda message: message.text != "is anyone here?" and message.nick == "lonely"
    )
    assert answer.text == "welcome, grace"
    assert bot.end(signal.SIGINT) == (0, [])


def test_a_device_enrols_once_and_moderates(stage: Stage) -> None:
    certificate = Certificate.auto(stage.directory / "server.pem")
    with Administration(stage.directory / "accounts.db", by="test", create=True) as accounts:
        for name in ("ada", "grace", "mallory"):
            accounts.add(name)
        (stage.directory / "ada.invite").write_text(accounts.invite(name="ada").secret or "")
    (stage.directory / "server.pin").write_text(certificate.fingerprint)
    with (
        Hub(gate=Accounts(stage.directory / "accounts.db")) as hub,
        serve("chats://127.0.0.1:0", hub=hub, cert=certificate) as server,
    ):
        stage.write(str(server.listening[0]))
        for _ in range(2):
            assert stage.output_of("enrol.py") == ["ada is ada, owner"]
        assert stage.output_of("calm.py") == ["only we are here, and mallory is silent"]
    assert not (stage.directory / "ada.invite").exists()
    assert (stage.directory / "ada.key").stat().st_mode & 0o777 == 0o600


def test_the_news_resume_where_they_ended(stage: Stage) -> None:
    stage.write(url := stage.serve())
    assert stage.output_of("news.py") == []
    grace = stage.member(url, "news")
    for number in range(12):
        grace.post(f"item {number}")
    assert stage.output_of("news.py") == [f"grace: item {number}" for number in range(2, 12)]
    assert stage.output_of("news.py") == []
    grace.post("extra")
    assert stage.output_of("news.py") == ["grace: extra"]
    stage.write(elsewhere := stage.serve())
    stage.member(elsewhere, "news").post("all is new")
    assert stage.output_of("news.py") == ["messages are missing (reset)", "grace: all is new"]


def test_the_bridge_copies_each_message_once(stage: Stage) -> None:
    left, right = stage.serve(), stage.serve()
    stage.write(left, lambda text: text.replace(f'URL_R, ROOM_R = "{left}"', f'URL_R, ROOM_R = "{right}"'))
    ada, grace = stage.member(left, "lobby", nick="ada"), stage.member(right, "ops")
    bridge = stage.run("bridge.py")
    wait_until_joined(ada, "bridge-l")
    wait_until_joined(grace, "bridge-r")
    ada.post("hello over there")
    assert next_from(grace, "bridge-r") == "<ada> hello over there"
    grace.post("hello yourself")
    assert next_from(ada, "bridge-l") == "<grace> hello yourself"
    before = (stage.directory / "bridge-l.position").read_text()
    ada.post("once")
    assert next_from(grace, "bridge-r") == "<ada> once"
    assert bridge.end(signal.SIGINT) == (0, [])

    (stage.directory / "bridge-l.position").write_text(before)  # as if it had been killed before it saved
    ada.post("while you were away")
    ada.post("x" * 16_384)
    ada.post("and again")
    bridge = stage.run("bridge.py")
    assert "(too_long)" in bridge.line()
    assert next_from(grace, "bridge-r") == "<ada> while you were away"
    assert next_from(grace, "bridge-r") == "<ada> and again"
    assert bridge.end(signal.SIGINT) == (0, [])
    assert len(grace.history().messages) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["server.py", "asyncio_server.py"])
def test_a_server_drains_when_it_is_stopped(stage: Stage, name: str, number: signal.Signals) -> None:
    stage.write("chat://127.0.0.1:0")
    server = stage.run(name)
    url = server.line().split()[2]
    grace = stage.member(url, "lobby")
    grace.post("hello")
    assert server.end(number) == (0, [])
    assert next_of(grace, Closing).reason == "drain"


def url_of(server: Program) -> str:
    """Return where a server listens, which it may say after what it has logged."""
    while not (line := server.line()).startswith("listening on "):
        assert line
    return line.split()[2]


def test_two_programs_that_share_a_log_are_one_chat(stage: Stage) -> None:
    nats = shared_servers()
    stream, address = nats.new_stream().name, nats.addresses[0]
    stage.write(
        "chat://127.0.0.1:0",
        lambda text: text.replace("127.0.0.1:4222", address).replace('"chat", 1', f'"{stream}", 1'),
    )
    servers = [stage.run("node.py", f"{number}.db") for number in range(2)]
    one, two = (url_of(server) for server in servers)
    with enter(two, "grace") as grace, enter(one, "ada") as ada:
        wait_until_joined(grace, "ada")  # who comes at another server is known a moment later
        with pytest.raises(RefusedError) as refused:
            enter(two, "ada")
        assert refused.value.code == "nick_taken"
        assert {"ada", "grace"} == set(grace.who())
        ada.post("hello over there")
        assert next_from(grace, "ada") == "hello over there"
        assert [server.end(signal.SIGTERM)[0] for server in servers] == [0, 0]
        assert [next_of(member, Closing).reason for member in (ada, grace)] == ["drain"] * 2


def test_a_program_is_tested_as_shown(stage: Stage) -> None:
    stage.write("chat://127.0.0.1:0")
    assert stage.output_of("-m", "pytest", "-q", "test_talk.py")[-1].startswith("1 passed")


# The server in your program


NO_SOCKETS = """
import socket


class NoSocket(socket.socket):
    # What an event loop wakes itself with comes with a descriptor, and is connected to nothing else.
    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        assert fileno is not None, "a socket is opened"
        super().__init__(family, type, proto, fileno)


socket.socket = NoSocket  # type: ignore[misc]
"""


def forbid_sockets(stage: Stage) -> None:
    """Let a program of a stage that imports `no_sockets` open none."""
    (stage.directory / "no_sockets.py").write_text(NO_SOCKETS)


def run_without_sockets(stage: Stage, name: str) -> list[str]:
    """Run an example that must open no socket; return what it printed."""
    forbid_sockets(stage)
    return stage.output_of("-c", f"import no_sockets, runpy; runpy.run_path({name!r}, run_name='__main__')")


def test_the_guard_against_sockets_notices_one(stage: Stage) -> None:
    forbid_sockets(stage)
    code, output = stage.run("-c", "import no_sockets, socket; socket.create_server(('127.0.0.1', 0))").end()
    assert (code, output[-1]) == (1, "AssertionError: a socket is opened")


@pytest.mark.parametrize("name", ["inside.py", "inside_asyncio.py"])
def test_a_program_takes_part_in_its_hub_without_a_socket(stage: Stage, name: str) -> None:
    stage.write("chat://127.0.0.1:0")
    assert run_without_sockets(stage, name)


def test_a_program_with_a_hub_is_tested_as_shown_without_a_socket(stage: Stage) -> None:
    stage.write("chat://127.0.0.1:0")
    forbid_sockets(stage)
    command = ("-m", "pytest", "-q", "-p", "no_sockets", "test_inside.py")
    assert stage.output_of(*command)[-1].startswith("1 passed")


def test_the_polite_server_refuses_a_word_and_replaces_another(stage: Stage) -> None:
    stage.write("chat://127.0.0.1:0")
    server = stage.run("polite.py")
    grace = stage.member(server.line().split()[2], "lobby")
    with pytest.raises(RefusedError) as refused:
        grace.post("damn it", id="1")
    assert (refused.value.code, refused.value.message) == ("forbidden", "mind your language")
    first, again = grace.post("what the heck", id="2"), grace.post("what the heck", id="2")
    assert first.seq == again.seq == 1
    assert next_from(grace, "grace") == "what the ****"
    assert server.end(signal.SIGINT) == (0, [])


def test_a_team_gets_accounts_by_the_links_that_a_program_prints(stage: Stage) -> None:
    stage.write(
        "chat://127.0.0.1:0", lambda text: text.replace('publish(["chat://127.0.0.1:0"])', f"publish({URLS})")
    )
    server = stage.run("team.py")
    name, link = server.line().split()
    url, key = server.line().split()[2], "k" * 43
    assert (name, link.partition("#")[0]) == ("ada:", "chats://chat.example:7024/")
    for invite in (link.partition("#")[2], None):
        with connect(url, nick="ada-phone", key=key, invite=invite) as chat:
            assert (chat.account, chat.role) == ("ada", "owner")
    with pytest.raises(RefusedError) as refused, connect(url, nick="ada", key="x" * 43):
        pass
    assert refused.value.code == "unauthorized"
    assert server.end(signal.SIGINT) == (0, ["1 refused from 127.0.0.1"])
    again = stage.run("team.py")
    assert again.line().startswith("listening on ")
    assert again.end(signal.SIGINT) == (0, [])


def test_users_of_an_application_come_in_by_their_tokens_until_they_log_out(stage: Stage) -> None:
    stage.write("chat://127.0.0.1:0")
    namespace = runpy.run_path(str(stage.directory / "users.py"))
    asked, down = threading.Event(), threading.Event()

    def user_of(token: str) -> str | None:
        if down.is_set():
            raise ConnectionRefusedError
        assert asked.wait(DEADLINE)
        return {"a" * 43: "ada", "b" * 43: "bob"}.get(token)

    gate = namespace["Users"](user_of)
    url = stage.serve(gate=gate)
    asked.set()
    with connect(url, nick="ada", key="a" * 43) as ada, connect(url, nick="bob", key="b" * 43) as bob:
        assert (ada.account, bob.account, bob.role) == ("ada", "bob", "member")
        for nick, key, code in (
            ("ada", "b" * 43, "forbidden"),
            ("ada", "c" * 43, "unauthorized"),
            ("ada", None, "unauthorized"),
        ):
            with pytest.raises(RefusedError) as refused, connect(url, nick=nick, key=key, reconnect=False):
                pass
            assert refused.value.code == code
        gate.log_out("ada")
        assert next_of(ada, Closing).reason == "revoked"
        assert bob.post("still here", room="lobby").seq == 1
        down.set()
        with pytest.raises(RefusedError) as refused, connect(url, nick="bob", key="b" * 43, reconnect=False):
            pass
        assert (refused.value.code, refused.value.retry_after) == ("unavailable", 5.0)


WEB_TALK = """
import no_sockets  # isort: skip
import asyncio
import json
from typing import Any

from httpx import ASGITransport, AsyncClient
from web import app

from chatcore import Hub
from chatcore.transport import Peer


class Grace:
    # A member without a socket: what it would carry is passed by hand.

    def __init__(self, hub: Hub) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = hub.clock
        self.news = asyncio.Event()
        self.endpoint = hub.endpoint(self.wake)
        self.session = self.endpoint.open(Peer("grace", 1))
        self.frames: list[Any] = []

    def wake(self) -> None:
        self.loop.call_soon_threadsafe(self.news.set)

    def send(self, **frame: object) -> None:
        self.session.receive_data(json.dumps(frame).encode() + b"\\n")

    async def next(self, kind: str) -> Any:
        while True:
            while self.frames:
                if (frame := self.frames.pop(0))["type"] == kind:
                    return frame
            self.news.clear()
            pieces = [session.data_to_send() for session in self.endpoint.ready()]
            pieces += [piece for _, piece in self.endpoint.fan_out()]
            self.frames += map(json.loads, b"".join(pieces).splitlines())
            if not self.frames:
                await self.wait()

    async def wait(self) -> None:
        when = self.endpoint.next_deadline()
        try:
            async with asyncio.timeout(None if when is None else max(when - self.clock(), 0.0)):
                await self.news.wait()
        except TimeoutError:
            self.endpoint.handle_deadlines(self.clock())


async def talk() -> None:
    http = AsyncClient(transport=ASGITransport(app), base_url="http://web")
    async with app.router.lifespan_context(app), http:
        grace = Grace(app.state.hub)
        grace.send(type="hello", protocol=1, nick="grace")
        grace.send(type="join", room="support")
        welcome = await grace.next("message")
        print(welcome["nick"], welcome["text"])
        grace.send(type="post", room="support", id="1", text="damn it")
        print((await grace.next("error"))["code"])
        grace.send(type="post", room="support", id="2", text="help!")
        print((await grace.next("ack"))["durability"])
        for text in ("I will", "damn it", "", "x" * 16_385):
            print((await http.post("/messages", json={"text": text})).status_code)
        while len(latest := (await http.get("/messages")).json()) < 3:
            await asyncio.sleep(0)
        print([(each["nick"], each["text"]) for each in latest])
        grace.endpoint.close()


asyncio.run(talk())
"""


def test_the_web_application_greets_refuses_and_reads_along_without_a_socket(stage: Stage) -> None:
    stage.write("", lambda text: text.replace('            serve("", hub=hub),\n', ""))
    assert "serve(" not in (stage.directory / "web.py").read_text()
    forbid_sockets(stage)
    (stage.directory / "talk.py").write_text(WEB_TALK)
    posted = [("web", "welcome, grace"), ("grace", "help!"), ("visitor", "I will")]
    assert stage.output_of("talk.py") == [
        *("web welcome, grace", "forbidden", "synced", "201", "422", "422", "422"),
        str(posted),
    ]


WEB_SERVER = """
import asyncio
import signal

from web import app


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with app.router.lifespan_context(app):
        print("open")
        await stop.wait()


asyncio.run(main())
"""


def test_the_web_application_is_a_server_and_begins_again_with_what_it_stored(stage: Stage) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    stage.write(url)
    (stage.directory / "main.py").write_text(WEB_SERVER)
    for nick, stored in (("grace", []), ("ada", ["welcome, grace"])):
        server = stage.run("main.py")
        assert server.line() == "open"
        member = stage.member(url, "support", nick=nick)
        assert next_from(member, "web") == f"welcome, {nick}"
        assert [each.text for each in member.history().messages] == [*stored, f"welcome, {nick}"]
        assert server.end(signal.SIGTERM) == (0, [])
        assert next_of(member, Closing).reason == "drain"
        member.close()


# What the page says about names


def test_the_examples_and_the_public_types_pass_mypy_strict(stage: Stage) -> None:
    stage.write("chat://127.0.0.1:7024")
    forbid_sockets(stage)
    (stage.directory / "talk.py").write_text(WEB_TALK)
    shutil.copy(ROOT / "tests" / "typing" / "public_api.py", stage.directory)
    assert stage.output_of("-m", "mypy", "--strict", "--config-file=", "--no-error-summary", ".") == []


def test_the_examples_import_public_names_only() -> None:
    transport = {"connect", "serve", "Chat"}
    allowed = {
        "chatcore": set(chatcore.__all__),
        "chatcore.accounts": set(chatcore.accounts.__all__),
        "chatcore.cluster": set(chatcore.cluster.__all__),
        "chatcore.gate": set(chatcore.gate.__all__),
        "transports.asyncio_tcp": transport,
        "transports.jetstream": set(transports.jetstream.__all__),
        "transports.threaded_tcp": transport,
    }
    for text in EXAMPLES.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in {
                "chatcore",
                "transports",
            }:
                assert {alias.name for alias in node.names} <= allowed[str(node.module)]


def rows(head: str) -> list[list[str]]:
    """Return the cells of a table, given how its first line begins."""
    table = PAGE.partition(f"\n{head}")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)[^`]*`", cell)


@pytest.mark.parametrize("kind", [asyncio_tcp.Chat, threaded_tcp.Chat])
def test_the_table_of_calls_names_what_a_chat_has(kind: type) -> None:
    listed = {name for cells in rows("| call |") for name in names_in(cells[0])}
    assert listed == {name for name in vars(kind) if not name.startswith("_")} - {"session"}


def test_the_table_of_a_gate_names_what_it_is_asked() -> None:
    listed = {name for cells in rows("| method of a gate |") for name in names_in(cells[0])}
    assert listed == {name for name in vars(chatcore.gate.Gate) if not name.startswith("_")}


def test_the_table_of_events_names_their_fields() -> None:
    for kinds, _, fields in rows("| event |"):
        for name in names_in(kinds):
            kind = getattr(chatcore, name)
            has = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__
            assert set(names_in(fields)) - {"Joined", "Offline", "datetime"} >= set(has) - {"type"}


def test_the_table_of_loggers_names_all_there_are() -> None:
    sources = [*ROOT.glob("chatcore/**/*.py"), *ROOT.glob("transports/**/*.py")]
    found = r'(?:getLogger\(|@event\(".*", )"(.*?)"'
    used = {name for path in sources for name in re.findall(found, path.read_text("utf-8"))}
    assert used == {name for cells in rows("| logger |") for name in re.findall("`(.*?)`", cells[0])}


def test_every_error_is_explained() -> None:
    errors = {name for name in chatcore.__all__ if re.fullmatch(r"\w+Error", name)}
    assert errors | {"OSError", "TimeoutError", "ValueError"} == set(re.findall(r"`(\w+Error)`", PAGE))


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)\s]+)\)", PAGE))
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    document = DOCUMENT.parent / path if path else DOCUMENT
    assert document.is_file()
    assert not anchor or anchor in anchors(document)
