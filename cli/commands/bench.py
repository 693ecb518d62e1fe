"""``chat bench``: how fast a server is, and whether it keeps its promises under load.

The test itself is `cli.load`; this starts it, shows its progress, and prints the results.
"""

import json
import secrets
from collections.abc import Iterator

from chatcore import AddressList, RefusedError, UsageError
from cli.descriptors import allow_descriptors
from cli.load.engine import run as run_load
from cli.load.plan import Plan
from cli.load.tally import Tally, Times
from cli.report import FAILED, INTERRUPTED, REFUSED, complain, reaching
from cli.row import Row
from cli.streams import write_json, write_text

__all__ = ["Progress", "run"]

RATE = 10.0
"""Posts per second of each poster. A server allows twice that by default."""

_OTHER_FILES = 32  # that this program has open, apart from connections

_ADVICE = {  # options of `chat server` that would allow it, by the code of the refusal
    "rate_limited": "--limit frames_per_second=none",
    "too_long": "--limit text_bytes=BYTES --limit line_bytes=BYTES",
    "limit_exceeded": "--limit connections=none --limit connections_per_address=none",
}
_ADVICE_ON_ROOMS = "--limit members_per_room=none --limit rooms=none"


def run(
    url: str,
    *,
    members: int,
    posters: int,
    stalled: int,
    rate: float | None,
    flood: int | None,
    duration: float,
    payload: int,
    room: str,
    as_json: bool,
) -> int:
    """Run a load test and print the results; return the exit code.

    Raises `UsageError` for a load that makes no sense, `RefusedError` if the server refuses a member for a
    reason that its options cannot change, and `OSError` if there is no server at one of its addresses.
    """
    if rate is not None and flood is not None:
        raise UsageError("use either --rate or --flood, not both")
    server = AddressList.parse(url, "chat")
    plan = Plan(
        run=secrets.token_hex(4),
        members=members,
        posters=posters,
        stalled=stalled,
        rate=None if flood else rate or RATE,
        window=flood or 0,
        seconds=duration,
        payload=payload,
        room=room,
    )
    plan.check()
    allowed = allow_descriptors()
    if allowed is not None and members > allowed - _OTHER_FILES:
        raise UsageError(
            f"this system allows {allowed:,} open files, too few for {members:,} members; "
            "raise the limit with `ulimit -Hn`"
        )
    progress = Progress(plan)
    try:
        with reaching(url):
            tally = run_load(plan, server.places, progress.show)
    except RefusedError as error:
        if error.code not in _ADVICE:
            raise
        advice = _advise(_ADVICE_ON_ROOMS if error.room else _ADVICE[error.code])
        complain(f"the server refused: {error.message} ({error.code}){advice}")
        return REFUSED
    finally:
        progress.erase()
    _print(tally, as_json=as_json)
    if tally.broken:
        return FAILED
    return INTERRUPTED if tally.interrupted else REFUSED if tally.refused else 0


def _advise(options: str) -> str:
    return f"; to allow it, start the server with: chat server {options}"


# --- while it runs -------------------------------------------------------------------------------


class Progress:
    """One row on standard error, rewritten every second. Nothing is written if that is not a terminal."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._row = Row()
        self._deliveries = 0

    def show(self, joined: int, deliveries: int) -> None:
        """Show the progress. Must be called once per second: the rate is the difference to the last call."""
        rate, self._deliveries = deliveries - self._deliveries, deliveries
        self._row.show(f"{joined:,} of {self._plan.members:,} members, {rate:,} deliveries/s")

    def erase(self) -> None:
        """Clear the row."""
        self._row.erase()


# --- afterwards ----------------------------------------------------------------------------------


def _print(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        write_json(json.dumps(tally.to_json()).encode() + b"\n")
    else:
        write_text("".join(f"{name:<14}{value}\n" for name, value in _rows(tally)), wrap=False)
    for remark in _remarks(tally):
        complain(remark)


def _rows(tally: Tally) -> Iterator[tuple[str, str]]:
    plan = tally.plan
    stalled = f", {plan.stalled:,} of them never read" if plan.stalled else ""
    yield "members", f"{tally.joined:,}{stalled}"
    how = f"{plan.rate:g} posts/s each" if plan.rate else f"{plan.window} posts in flight each"
    yield "posters", f"{plan.posters:,}, {how}, {plan.payload:,} bytes"
    planned = f" of {tally.planned:,}" if tally.planned is not None else ""
    yield (
        "posts",
        f"{tally.sent:,}{planned} sent, {tally.acked:,} acknowledged, {tally.refused:,} refused, "
        f"{tally.posts_per_second:,.0f}/s",
    )
    yield (
        "deliveries",
        f"{tally.deliveries:,} in {tally.seconds:.2f} s, {tally.deliveries_per_second:,.0f}/s",
    )
    yield (
        "received",
        f"{tally.bytes_received / 2**20:,.1f} MiB, {tally.bytes_per_second / 2**20:,.1f} MiB/s",
    )
    yield "", f"{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}  ms"
    for name, histogram in (("to delivery", tally.delivery), ("to ack", tally.acks)):
        times = Times.of(histogram)
        yield name, "".join(f"{value:>10,.1f}" for value in (times.p50, times.p90, times.p99, times.max))
    yield "lost", f"{tally.lost:,}"
    yield "duplicated", f"{tally.duplicated:,}"
    yield "out of order", f"{tally.disordered:,}"
    if tally.altered:
        yield "altered", f"{tally.altered:,}"
    if tally.announced:
        yield "in gaps", f"{tally.announced:,}"


def _remarks(tally: Tally) -> Iterator[str]:
    """Yield what one has to know to understand the numbers."""
    for code, count in tally.refusals.items():
        advice = _advise(_ADVICE[code]) if code in _ADVICE else ""
        times = "once" if count == 1 else f"{count:,} times"
        yield f"posts were refused {times} ({code}){advice}"
    if tally.refused:
        yield f"{tally.unstored:,} of {tally.sent:,} posts were not stored"
    for reason, count in tally.disconnected.items():
        yield f"{count:,} of {tally.joined:,} members were disconnected: {reason}"
    if tally.unanswered:
        yield f"{tally.unanswered:,} posts got no answer"
    if tally.undelivered:
        yield f"{tally.undelivered:,} deliveries were still on their way"
    if tally.announced:
        yield "the server reported gaps: it no longer had these messages when a slow member got to them"
    if tally.planned is not None and tally.sent < tally.planned and not tally.interrupted:
        yield "posting fell behind its rate"
    if tally.load > 0.9:
        yield f"this program used {tally.load:.0%} of a core itself; the server may be faster than this"
