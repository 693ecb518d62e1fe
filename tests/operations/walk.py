"""Follows docs/operations.md: a reader of the page with a machine, and a computer of ada's.

What happens without a command is done here, too: the machine is lost, or its disk is full.
"""

import os
import re
import resource
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from chatcore import Backoff, Gap, Message
from cli.access.keys import KeyFile
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, DEADLINE
from tests.operations.machine import Machine, write_stand_ins
from tests.operations.page import WALK, Command, commands, place_of, sections
from tests.ports import fixed_port
from tests.test_readme import agree
from tests.transports.tls import authority_file, new_certificate
from transports.threaded_tcp import connect

__all__ = ["Plan", "Step", "Walk"]

SECTIONS = sections()
WRITTEN_AT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
MEASURED = re.compile(r"\b\d+\.\d(?= ms$)|(?<=process )\d+", re.MULTILINE)


def settled(lines: list[str]) -> list[str]:
    """Return lines without what differs each time."""
    return [MEASURED.sub("N", WRITTEN_AT.sub("TIME", line)) for line in lines]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it has printed; where errors are apart, they may be before or after."""

    code: int
    output: str
    errors: str = ""

    def agrees(self, shown: list[str]) -> bool:
        """Tell whether this is what is shown."""
        orders = (self.errors + self.output, self.output + self.errors)
        return any(agree(settled(shown), settled(order.splitlines())) for order in orders)


@dataclass(frozen=True)
class Step:
    """A section of the page, or its commands up to one, or after one; both are what these begin with."""

    title: str
    until: str | None = None
    after: str | None = None

    def parts(self) -> Iterator[Command | tuple[str, str]]:
        """Yield the commands, and the files with their places."""
        begun = self.after is None
        for block in SECTIONS[self.title]:
            place = place_of(block)
            if place is not None and begun:
                yield place, block.text
            for command in commands(block) if place is None else ():
                if begun and self.until is not None and command.line.startswith(self.until):
                    return
                if begun:
                    yield command
                begun = begun or command.line.startswith(self.after or "")


class Walk:
    """Follows the page, on a machine and on a computer of ada's."""

    def __init__(self, folder: Path, inside: Inside) -> None:
        self._folder = folder
        self._inside = inside
        self._ports = {port: str(fixed_port()) for port in ("7024", "9024")}
        self._stand_ins = folder / "stand-ins"
        self._stand_ins.mkdir()
        write_stand_ins(self._stand_ins)
        self._write_certificate()
        self._link = ""
        self._stack = ExitStack()
        self._threads = self._stack.enter_context(ThreadPoolExecutor(1))
        self._spoken = 0
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHAT_", "XDG_"))}
        self._environment = kept | {
            "HOST": "localhost",
            "SSL_CERT_FILE": str(authority_file()),
        }
        self.home = folder / "ada"
        self.machine = self.another("here")

    def _write_certificate(self) -> None:
        pem = new_certificate(self._stand_ins).read_text()
        key, begin, chain = pem.partition("-----BEGIN CERTIFICATE-----")
        (self._stand_ins / "server.pem").unlink()
        (self._stand_ins / "privkey.pem").write_text(key)
        (self._stand_ins / "fullchain.pem").write_text(begin + chain)

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"chats://localhost:{self._ports['7024']}"

    def another(self, name: str) -> Machine:
        """Return an empty machine."""
        return Machine(self._folder / name, self._stand_ins, self.adapted, self._environment)

    def adapted(self, text: str) -> str:
        """Return a part of the page with a name and ports that a test may use."""
        text = text.replace("chat.example.org", "localhost").replace("0.0.0.0", "127.0.0.1")
        text = re.sub(r'(, "?)chats://\[::\]:7024"?', "", text)
        return re.sub(r"\b[79]024\b", lambda port: self._ports[port[0]], text)

    def follow(self, plan: "Plan") -> None:
        """Do all of a plan."""
        for each in plan:
            if isinstance(each, Step):
                self.play(each)
            else:
                each(self)

    def play(self, step: Step) -> None:
        """Follow a step of the page."""
        for each in step.parts():
            if isinstance(each, Command):
                self.do(each)
            else:
                self.machine.write(*each)

    def do(self, command: Command) -> None:
        """Do what a command says, and compare what it prints."""
        done = self._done(command)
        shown = ["..."] if command.shown is None else [self.machine.adapted(line) for line in command.shown]
        while not done.agrees(shown) and command.line.startswith("journalctl -u"):
            self.machine.service().wait_for_more()  # it is on its way
            done = self._done(command)
        assert done.agrees(shown), (command.line, shown, done, self.machine.service().log[-12:])
        assert done.code == 0 or shown[0].startswith("chat: "), (command.line, done)
        links = [line for line in done.output.splitlines() if "/#" in line]
        self._link = links[-1] if links else self._link

    def _done(self, command: Command) -> Done:
        return self._root(command.line) if command.by_root else self._ada(command.line)

    def _root(self, line: str) -> Done:
        if (printed := self.machine.command(line)) is not None:
            return Done(0, "".join(f"{each}\n" for each in printed))
        if line.startswith("chatctl ") and "|" not in line:
            home = self.machine.root / "var/lib/chat"
            settings = {"CHAT_CONFIG": str(self.machine.root / "etc/chat/chat.toml")}
            return self._in_process(self.machine.adapted(line), home, settings)
        return Done(*self.machine.run(line))

    def _ada(self, line: str) -> Done:
        line = self.adapted(line)
        if line != "chat join":
            return self._in_process(line, self.home, {})
        done = subprocess.run(
            [CHAT, "join"],
            input=self._link,
            env={**self._environment, "HOME": str(self.home), "USER": "ada"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def _in_process(self, line: str, home: Path, settings: dict[str, str]) -> Done:
        done = self._inside(
            *shlex.split(line)[1:],
            HOME=str(home),
            XDG_DATA_HOME=str(home / ".local/share"),
            XDG_CONFIG_HOME=str(home / ".config"),
            SSL_CERT_FILE=str(authority_file()),
            **settings,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    # --- what no command does ----------------------------------------------------------------------

    def connect(self) -> None:
        """Start ada's client, with the key that the link has made."""
        key = KeyFile(self.home / ".local/share/chatcore/keys.json").entry(self.url).key
        assert key is not None
        self._chat = self._stack.enter_context(
            connect(self.url, nick="ada", key=key.key, ca=authority_file(), backoff=Backoff(longest=0.2))
        )

    def speak(self) -> None:
        """Post with ada's client, which shows that next: it has missed nothing, and there is no gap."""
        self._spoken += 1
        self._chat.post(f"message {self._spoken}")
        assert self._shown() == f"message {self._spoken}"

    def see_a_new_log(self) -> None:
        """See that ada's client shows that the log has begun again, and then what the backup has."""
        assert self._shown() == "a gap: reset"
        assert self._shown() == "we have a server"

    def _shown(self) -> str:
        """Return what it shows next of its room."""
        while not isinstance(event := self._chat.receive(timeout=DEADLINE), Gap | Message):
            pass
        return f"a gap: {event.reason}" if isinstance(event, Gap) else event.text

    def speak_in_a_room_of_old(self) -> None:
        """Post to the room that will be removed."""
        line = f"chat send old-project 'we have begun' --to {self.url}"
        assert self._in_process(line, self.home, {}).code == 0

    def try_what_is_mentioned(self) -> None:
        """Run the commands that stand in sentences; NAME is somebody's."""
        mentioned = [" ".join(words.split()) for words in re.findall(r"`(chatctl [^`]+)`", WALK)]
        assert len(mentioned) > 5
        for line in mentioned:
            done = self._root(line.replace("NAME", "ada"))
            assert done.code == 0, (line, done)

    def lose_the_machine(self) -> None:
        """Lose it, and get an empty one."""
        self.machine.end()
        shutil.rmtree(self.machine.root)
        self.machine = self.another("here")

    def get_another_machine(self) -> None:
        """Go to the machine to which the server will move."""
        self._first, self.machine = self.machine, self.another("new.example.org")

    def return_to_the_first(self) -> None:
        """Go back to the machine from which it moves."""
        self.machine = self._first

    def have_the_name_lead_to_the_other(self) -> None:
        """Have ada's client find the other machine."""
        self.machine.root.rename(self._folder / "first")
        (self._folder / "new.example.org").rename(self.machine.root)
        self.machine = self.another("here")
        self.machine.systemctl("daemon-reload")

    def have_a_later_journal(self) -> None:
        """Make the journal one that this version does not know."""
        with closing(sqlite3.connect(self.machine.root / "var/lib/chat/journal.db")) as db:
            db.execute("PRAGMA user_version = 99")

    def fill_the_disk(self) -> None:
        """Let the server write to no file any more; ada posts, and waits for the answer."""
        self._limit_files(1)
        self._posting = self._threads.submit(self.speak)
        self._wait_for_log("cannot write to the journal")

    def make_space(self) -> None:
        """Let it write again, and wait until it does; ada's message is stored then."""
        self._limit_files(resource.RLIM_INFINITY)
        self._wait_for_log("can be used again")
        self._posting.result(DEADLINE)

    def _wait_for_log(self, words: str) -> None:
        """Wait until the server has logged something about its journal."""
        service = self.machine.service()
        while not any("the journal" in line and words in line for _, line in service.log):
            service.wait_for_more()

    def _limit_files(self, size: int) -> None:
        pid = self.machine.service().pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))

    def end(self) -> None:
        """Stop everything."""
        self.machine.end()
        self._stack.close()


Plan = Sequence[Step | Callable[[Walk], None]]
"""What is done in which order: steps of the page, and what happens without a command."""
