"""What does the page take in a browser, to load and to show many messages at once?"""

import os
from typing import TYPE_CHECKING

from benchmarks.answers import Answer
from benchmarks.bench import Bench
from benchmarks.browser import Server, Tab, chromium, flood, serving
from benchmarks.tables import number, table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

__all__ = ["ask", "shown"]

LIVE = 10_000
MISSED = 100_000
ROOM = "long"
SCROLL = """() => new Promise((done) => {
  const log = document.querySelector("#log");
  const first = () => Number(document.querySelector("#rows > li.message").dataset.seq);
  const step = () => {
    log.scrollTop = 0;
    if (first() === 1) done();
    else requestAnimationFrame(step);
  };
  step();
})"""


def ask(bench: Bench) -> None:
    """Load it twice, flood its room, and have it miss much; then read everything upwards, once."""
    others = min(os.getloadavg()[0], os.cpu_count() or 1)
    with serving() as server, chromium() as browser:
        for round_ in bench.rounds(seconds=60):
            runs = {
                "first load": _load(browser, server, again=False),
                "second load": _load(browser, server, again=True),
                "live": _live(browser, server, round_),
                "missed": _missed(browser, server, round_),
            }
            if round_ == 1:
                runs["scrolled"] = _scrolled(browser, server)
            for what, run in runs.items():
                bench.keep({"round": round_, "what": what, "other_cores": others, **run})


def _load(browser: "Browser", server: Server, *, again: bool) -> dict[str, float]:
    with Tab(browser) as tab:
        return [tab.load(server), *([tab.load(server)] if again else [])][-1]


def _live(browser: "Browser", server: Server, round_: int) -> dict[str, float]:
    """Show what is posted as fast as the server takes it, in a room that is open."""
    room = f"live-{round_}"
    with Tab(browser) as tab:
        tab.load(server)
        tab.enter(f"ada-{round_}", room)
        began, used = tab.watch(), tab.processor_ms
        last = flood(server, room, LIVE, f"bob-{round_}")
        tab.page.get_by_text(last, exact=True).wait_for()
        return _seen(tab, began, used)


def _missed(browser: "Browser", server: Server, round_: int) -> dict[str, float]:
    """Read all that was missed, though a page asks for no more than it can show: the rest would be a gap."""
    room = f"{ROOM}-{round_}"
    with Tab(browser) as tab:
        tab.context.route("**/page-rooms.js", _have_all_replayed)
        tab.load(server)
        tab.enter(f"cat-{round_}", room)
        tab.page.evaluate("() => dispatchEvent(new Event('pagehide'))")
        tab.page.goto("about:blank")
        flood(server, room, MISSED, f"dan-{round_}")
        tab.page.goto(server.url)
        used = tab.processor_ms
        tab.watch()
        tab.page.wait_for_function("(title) => document.title === title", arg=f"({MISSED}) #{room}")
        return {**_seen(tab, 0.0, used), "milliseconds": tab.time}


def _have_all_replayed(route: "Route") -> None:
    response = route.fetch()
    route.fulfill(
        response=response, body=response.text().replace("MOST_MISSED = 500", "MOST_MISSED = undefined")
    )


def _scrolled(browser: "Browser", server: Server) -> dict[str, float]:
    """Read everything upwards, page by page."""
    with Tab(browser) as tab:
        tab.load(server)
        tab.enter("eve", f"{ROOM}-1")
        tab.page.locator("#rows > li.message").first.wait_for()
        before, began, used = tab.heap_mib, tab.watch(), tab.processor_ms
        tab.page.evaluate(SCROLL)
        return {**_seen(tab, began, used), "heap_before_mib": before, "heap_mib": tab.heap_mib}


def _seen(tab: Tab, began: float, used: float) -> dict[str, float]:
    seen = tab.seen
    return {
        "milliseconds": seen["last"] - began,
        "processor_ms": tab.processor_ms - used,
        "longest_frame_ms": seen["longest"],
        "rows": seen["rows"],
    }


WHAT = {
    "first load": "first load",
    "second load": "second load",
    "live": f"{LIVE:,} messages into an open room",
    "missed": f"{MISSED:,} messages that were missed, with the load",
    "scrolled": f"{MISSED:,} messages read upwards",
}
KEYS = ("milliseconds", "processor_ms", "longest_frame_ms", "rows", "kilobytes", "heap_mib")


def shown(answer: Answer) -> str:
    """Return medians."""
    rows = [[words, *(_cell(answer, key, what) for key in KEYS)] for what, words in WHAT.items()]
    headings = ["", "ms", "CPU ms of the page", "longest frame, ms", "rows", "kB received", "heap, MiB"]
    return table(headings, rows)


def _cell(answer: Answer, key: str, what: str) -> str:
    median = answer.median(key, what=what)
    return "–" if median is None else number(median)
