"""Programs that know nothing of us: a socket script as they are taught, ``nc`` and ``telnet``."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from queue import Queue

import pytest

from tests.protocol.frames import Message
from tests.transports.peers import DEADLINE
from tests.transports.servers import House

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program on pipes, or skips where it is missing; on CI nothing may be missing."""
    with ExitStack() as stack:

        def start_program(name: str, *arguments: str) -> "subprocess.Popen[str]":
            path = shutil.which(name)
            if path is None:
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{name} is not installed")
                pytest.skip(f"{name} is not installed")
            process = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            watchdog = threading.Timer(DEADLINE, process.kill)
            watchdog.start()
            stack.callback(watchdog.join)
            stack.callback(watchdog.cancel)
            return process

        yield start_program


class Script:
    """A chat client as they are taught: a socket, a thread that receives, and no newline ever."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.name = str(self.sock.getsockname()[1])
        self.screen: Queue[str] = Queue()
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self) -> None:
        while data := self.sock.recv(1024):
            self.screen.put(data.decode())

    def input(self, text: str) -> None:
        self.sock.send(text.encode())

    def wait_for(self, text: str) -> str:
        """Return all that was shown until a text ended it."""
        shown = ""
        while not shown.endswith(text):
            shown += self.screen.get(timeout=DEADLINE)
        return shown

    def quit(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE)
        self.sock.close()


@pytest.fixture
def script(house: House) -> Iterator[Callable[[], Script]]:
    scripts: list[Script] = []

    def open_script() -> Script:
        scripts.append(Script(house.port("plain")))
        return scripts[-1]

    yield open_script
    for script in scripts:
        script.quit()


def test_scripts_that_never_send_a_newline_talk_to_each_other(
    house: House, script: Callable[[], Script]
) -> None:
    ann = house.member("ann")
    one, two = script(), script()
    one.input("hello, I am one")
    assert ann.receive(Message).text == "hello, I am one"
    two.input("grüß dich, ich bin zwei")
    greeting = f"{two.name}: grüß dich, ich bin zwei\n"
    assert one.wait_for(greeting) == greeting
    one.input("bye")
    assert two.name not in two.wait_for(f"{one.name}: bye\n")


def test_a_script_and_typed_members_talk(house: House, script: Callable[[], Script]) -> None:
    ann, one = house.member("ann"), script()
    one.input("anybody here?")
    heard = ann.receive(Message)
    assert (heard.nick, heard.text) == (one.name, "anybody here?")
    ann.post("yes", "a-1")
    assert one.wait_for("ann: yes\n") == "ann: yes\n"


@pytest.mark.parametrize("program", ["nc", "telnet"])
def test_nc_and_telnet_talk(house: House, start: Start, program: str) -> None:
    ann = house.member("ann")
    process = start(program, "127.0.0.1", str(house.port("plain")))
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("/nick walter\nhello from a terminal\n")
    process.stdin.flush()
    heard = ann.receive(Message)
    assert (heard.nick, heard.text) == ("walter", "hello from a terminal")
    ann.post("hello, walter", "a-1")
    shown = []
    for shown_line in iter(process.stdout.readline, ""):
        shown.append(shown_line)
        if shown_line == "ann: hello, walter\n":
            break
    rest, _ = process.communicate("/quit\n", DEADLINE)
    assert shown[-1] == "ann: hello, walter\n"
    assert "walter:" not in "".join(shown) + rest  # its own lines do not come back
