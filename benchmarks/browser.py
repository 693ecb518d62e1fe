"""A page in the Chromium of this system, and what it takes: for the question `page`.

Times are of the page's own clock, and processor times of its main thread, which draws and runs all scripts.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.tools import Unable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

__all__ = ["Server", "Tab", "chromium", "flood", "serving"]

PATIENCE = 60.0
CHAT = str(Path(sys.executable).with_name("chat"))
UNLIMITED = ("frames_per_second=none", "frames_burst=1000000", "memory_history_bytes=268435456")

_WATCH = """() => {
  const rows = document.querySelector("#rows");
  const seen = (window.watch = { rows: 0, longest: 0, last: 0 });
  new MutationObserver(() => {
    seen.rows = Math.max(seen.rows, rows.children.length);
    seen.last = performance.now();
  }).observe(rows, { childList: true });
  const frames = (list) => list.getEntries().map(({ duration }) => duration);
  new PerformanceObserver((list) => { seen.longest = Math.max(seen.longest, ...frames(list)); })
    .observe({ type: "long-animation-frame" });
}"""

_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


class Server(NamedTuple):
    """Where a server listens for browsers, and for clients of the typed wire."""

    url: str
    port: int


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server that keeps much, in memory, and holds nobody up."""
    listens = ["--listen", "http://127.0.0.1:0", "--listen", "chat://127.0.0.1:0"]
    limits = [part for limit in UNLIMITED for part in ("--limit", limit)]
    command = [CHAT, "server", "--journal", "memory", *listens, *limits]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().split() for _ in range(2)]
            if not all(line[:2] == ["listening", "on"] for line in lines):
                raise Unable(f"the server did not start: {lines}")
            url, chat = (line[2] for line in lines)
            yield Server(url, int(chat.rpartition(":")[2]))
        finally:
            process.kill()


def flood(server: Server, room: str, count: int, nick: str) -> str:
    """Post so many lines as fast as the server takes them; return the last one."""
    texts = [f"{nick} {number} of some words that people say to each other" for number in range(count)]
    posts = [_line("post", room=room, id=f"{nick}-{number}", text=text) for number, text in enumerate(texts)]
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(_line("hello", protocol=1, nick=nick) + _line("join", room=room))
        sender = threading.Thread(target=sock.sendall, args=(b"".join(posts),))
        sender.start()
        acks, rest = 0, b""
        while acks < count:
            *lines, rest = (rest + sock.recv(1 << 18)).split(b"\n")
            acks += sum(line.startswith(b'{"type":"ack"') for line in lines)
        sender.join()
    return texts[-1]


def _line(type: str, **fields: object) -> bytes:
    return json.dumps({"type": type, **fields}).encode() + b"\n"


@contextlib.contextmanager
def chromium() -> Iterator["Browser"]:
    """Start a browser without a window; raises `Unable` if there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Unable("playwright is not installed") from None
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise Unable("there is no Chromium; make system installs it")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path)


class Tab:
    """A page of somebody with a browser of their own. A context manager."""

    def __init__(self, browser: "Browser") -> None:
        self.context = browser.new_context()
        self.context.set_default_timeout(PATIENCE * 1000)
        self.page: Page = self.context.new_page()
        self._cdp: CDPSession = self.context.new_cdp_session(self.page)
        self._received = [0, 0]
        self._cdp.send("Network.enable")
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._cdp.on("Network.loadingFinished", self._note_file)

    def __enter__(self) -> "Tab":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.context.close()

    def load(self, server: Server) -> dict[str, float]:
        """Load the page; return what that took, until its first words are there."""
        self._received = [0, 0]
        self.page.goto(server.url)
        self.page.get_by_role("heading").first.wait_for()
        painted = self.page.evaluate(_PAINTED)
        size, files = self._received
        return {"kilobytes": size / 1000, "files": files, "milliseconds": painted}

    def enter(self, nick: str, room: str) -> None:
        """Choose a nick, and go to a room."""
        self.page.get_by_label("Your name").fill(nick)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("textbox", name="Message", exact=True).wait_for()
        self.page.keyboard.press("Control+k")
        self.page.get_by_role("textbox", name="Room", exact=True).fill(room)
        self.page.keyboard.press("Enter")
        self.page.wait_for_function("(room) => document.title.endsWith('#' + room)", arg=room)

    def watch(self) -> float:
        """Begin to note rows and frames; return the time of the page."""
        self.page.evaluate(_WATCH)
        return self.time

    @property
    def time(self) -> float:
        """Milliseconds on the page's clock."""
        now: float = self.page.evaluate("() => performance.now()")
        return now

    @property
    def seen(self) -> dict[str, Any]:
        """What was noted: the most ``rows``, the ``longest`` frame, and when the ``last`` row came."""
        seen: dict[str, Any] = self.page.evaluate("() => watch")
        return seen

    @property
    def processor_ms(self) -> float:
        """What the main thread has used so far."""
        metrics = self._cdp.send("Performance.getMetrics")["metrics"]
        (used,) = (each["value"] for each in metrics if each["name"] == "TaskDuration")
        return float(used) * 1000

    @property
    def heap_mib(self) -> float:
        """What scripts keep, after everything that can be collected was."""
        self._cdp.send("HeapProfiler.collectGarbage")
        used: float = self._cdp.send("Runtime.getHeapUsage")["usedSize"]
        return used / 2**20

    def _note_file(self, event: dict[str, Any]) -> None:
        size, files = self._received
        self._received = [size + event["encodedDataLength"], files + 1]
