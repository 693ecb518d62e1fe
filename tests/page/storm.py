"""A storm over pages: people who write and read, while servers die and networks fail under them.

What happens is chosen by a seed. Everybody has a way to the server of their own, on which it can be cut,
refused, or go silent as it does under a laptop that sleeps. Meanwhile others talk who have no page.
"""

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.cli.processes import ChatServer
from tests.faults.history import Log, logs_of
from tests.faults.proxy import End, FaultProxy
from tests.page.browser import Visitor
from tests.page.judge import Shown, Violation, Visit, judge
from tests.page.servers import OTHER, UNLIMITED, Place, kill
from tests.protocol.frames import Ack
from tests.transports.peers import TypedPeer

__all__ = ["Storm"]

NICKS = ("ada", "bob")
LONG_AGO = 130
MOST = 12  # lines of others during one act
LIMITS = [
    *UNLIMITED,
    "--limit=keepalive_seconds=1",
    "--limit=idle_seconds=2",
    "--limit=presence_seconds=0.01",
]
ROWS = """() => [...document.querySelectorAll("#rows > li.message")].map((row) =>
  [Number(row.dataset.seq ?? 0), row.dataset.id, row.querySelector(".text").textContent])"""


class Storm:
    """A context manager: a room with a past, people on pages, and a server that does not last."""

    def __init__(self, browser: Browser, path: Path, transport: str, seed: int) -> None:
        self.acts: list[str] = []
        """What was done, for whoever reads of a fault."""

        self._browser = browser
        self._rng = random.Random(seed)
        self._transport = transport
        self._place = Place(path)
        self._stack = ExitStack()
        self._server = ExitStack()
        self._running: ChatServer
        self._others = _Others(self._place.port)
        self.people: list[_Person] = []

    def __enter__(self) -> "Storm":
        self._start()
        self._others.talk(LONG_AGO).result()
        for nick in NICKS:
            self.people.append(self._stack.enter_context(_Person(self._browser, self._place, nick, LONG_AGO)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._others.close()
        self._stack.close()
        self._server.close()

    def rage(self, acts: int) -> None:
        """Do so many things."""
        for _ in range(acts):
            person = self._rng.choice(self.people)
            act = self._rng.choice(_ACTS)
            self.acts.append(f"{person.visit.nick} {act.__name__}")
            talk = self._others.talk(self._rng.randrange(MOST))
            act(self, person)
            talk.result()
            for each in self.people:
                self.write(each)

    def write(self, person: "_Person") -> None:
        """Have somebody write a few lines, or none."""
        for _ in range(self._rng.randrange(3)):
            person.write()

    def end(self) -> list[Violation]:
        """Let everybody send and read the rest, end the server, and judge what they saw."""
        for person in self.people:
            person.calm_down()
        last = self._others.say("that is all")
        for person in self.people:
            person.read_all(last)
        self._running.process.terminate()
        code, errors = self._running.wait()
        assert (code, "Traceback" in errors) == (0, False)
        return judge(self._log(), [person.visit for person in self.people])

    def _log(self) -> Log:
        return logs_of(self._place.file)["lobby"]

    def _start(self) -> None:
        self._running = self._server.enter_context(self._place.serve(self._transport, *LIMITS))

    # --- what may happen ------------------------------------------------------------------------------

    def restart(self, _: "_Person") -> None:
        """Kill the server; everybody writes before the next one comes, under the other transport."""
        kill(self._running)
        self._server.close()
        self._transport = OTHER[self._transport]
        for each in self.people:
            self.write(each)
        self._start()
        for each in self.people:
            each.visitor.notice_network()

    def cut(self, person: "_Person") -> None:
        """End a connection."""
        ends: tuple[End, ...] = ("reset", "close", "half-open")
        person.proxy.end_all(self._rng.choice(ends))

    def silence(self, person: "_Person") -> None:
        """Have a connection end without a word; somebody writes into it."""
        person.fall_silent()
        self.write(person)
        if self._rng.random() < 0.5:
            person.visitor.notice_network()

    def refuse(self, person: "_Person") -> None:
        """Have no connection pass for a while."""
        person.proxy.refusing = True
        person.proxy.end_all("reset")
        person.visitor.waits_for_the_server()
        self.write(person)
        person.proxy.refusing = False
        person.visitor.notice_network()

    def reload(self, person: "_Person") -> None:
        """Reload a page right after something was written, which may have been sent or not."""
        if self._rng.random() < 0.5:
            person.fall_silent()
        person.write()
        person.reload()

    def open_another(self, person: "_Person") -> None:
        """Go on in another window; the first one is left open for a while, or has lost its connection."""
        if self._rng.random() < 0.5:
            person.fall_silent()
        person.write()
        person.open_another()

    def look_away(self, person: "_Person") -> None:
        """Hide a page, or show it again."""
        person.look_away()

    def scroll(self, person: "_Person") -> None:
        """Read further up, or go back to the end."""
        person.scroll(self._rng.randrange(3))


_ACTS: list[Callable[[Storm, "_Person"], None]] = [
    Storm.restart,
    Storm.restart,
    Storm.cut,
    Storm.silence,
    Storm.refuse,
    Storm.reload,
    Storm.reload,
    Storm.open_another,
    Storm.look_away,
    Storm.scroll,
]


class _Person:
    """Somebody with a page, behind a proxy of their own. A context manager."""

    def __init__(self, browser: Browser, place: Place, nick: str, since: int) -> None:
        self.visit = Visit(nick, since)
        self._stack = ExitStack()
        self.proxy = self._stack.enter_context(FaultProxy(int(place.url.rpartition(":")[2])))
        self._url = f"http://127.0.0.1:{self.proxy.port}/"
        self.visitor = Visitor(browser, self._url, nick)
        self._left: list[Page] = []
        self._numbers = count(1)

    def __enter__(self) -> "_Person":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.visitor.context.close()
        self._stack.close()

    def write(self) -> None:
        """Write a line, whatever the connection is like."""
        text = f"{self.visit.nick} {next(self._numbers)}"
        self.visit.written.append(text)
        self.visitor.say(text)
        self.visitor.row(text).wait_for()

    def fall_silent(self) -> None:
        """Have nothing pass on the socket any more. What loads the page is another connection."""
        self.proxy.end_all("black-hole", begun=b"GET /ws ")

    def reload(self) -> None:
        """Load the page again."""
        self._note(self.visitor.page)
        self.visitor.page.reload()
        self.visitor.box.wait_for()

    def open_another(self) -> None:
        """Go on in another window, and close the one that was left before."""
        for page in self._left:
            self._note(page)
            page.close()
        self._left = [self.visitor.page]
        self.visitor.come_back(self._url)
        self.visitor.box.wait_for()

    def look_away(self) -> None:
        """Hide the page, or show it again."""
        self.visitor.look_away()

    def scroll(self, height: int) -> None:
        """Read so far above, in thousands of pixels, or at the end."""
        if height:
            self.visitor.page.locator("#log").evaluate("(log, by) => { log.scrollTop -= by; }", 1000 * height)
        else:
            self.visitor.page.keyboard.press("Escape")

    def calm_down(self) -> None:
        """Look at the page until it has sent everything."""
        self.visitor.look_at_it()
        self.visitor.notice_network()
        self.visitor.wait_until_live()
        self.visitor.page.keyboard.press("Escape")
        expect(self.visitor.page.locator("#rows > li.message:not([data-seq])")).to_have_count(0)

    def read_all(self, last: str) -> None:
        """Read up to the end."""
        self.visitor.page.keyboard.press("Escape")
        self.visitor.sees(last)
        expect(self.visitor.page.locator("#rows > li.hole")).to_have_count(0)
        expect(self.visitor.page).to_have_title("#lobby")
        self.visit.rows = [Shown(*row) for row in self.visitor.page.evaluate(ROWS)]
        for page in (*self._left, self.visitor.page):
            self._note(page)

    def _note(self, page: Page) -> None:
        self.visit.seen += [Shown(*each) for each in page.evaluate("() => observed.messages")]
        assert page.evaluate("() => observed.faults") == []


class _Others:
    """Who talks without a page; the server may die under them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pool = ThreadPoolExecutor(1)
        self._numbers = count(1)

    def talk(self, many: int) -> "Future[None]":
        """Say so much, in the background, as far as there is a server."""
        return self._pool.submit(self._talk, many)

    def say(self, text: str) -> str:
        """Say one thing more, which has to be stored."""
        with TypedPeer(self._port, "last", "lobby") as peer:
            peer.post(text, "last")
            peer.receive(Ack)
        return text

    def close(self) -> None:
        """Wait for the end of all talk. Idempotent."""
        self._pool.shutdown()

    def _talk(self, many: int) -> None:
        number = next(self._numbers)
        with suppress(OSError, EOFError), TypedPeer(self._port, f"other{number}", "lobby") as peer:
            for line in range(many):
                peer.post(f"other {number} {line}", f"other-{number}-{line}")
                peer.receive(Ack)
