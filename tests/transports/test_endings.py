"""A connection ends at every step and in every way, and every server shows and keeps the same.

A row is a step, and says what follows of each ending there. It is the same for all transports and loops: a
server that differs from another one fails.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests import rows
from tests.transports.conftest import Serve
from tests.transports.endings import ENDINGS, READING, Seen, end, fall_silent, reads
from tests.transports.holdings import Holdings, objects
from tests.transports.leftovers import Census
from tests.transports.peers import DEADLINE, Peer
from tests.transports.servers import Clock
from tests.transports.steps import PRESENCE, STEPS, LateGate, Stage, Step
from tests.transports.traffic import Traffic
from transports.acceptor import Acceptor

MOMENT = 0.05

LIMITS: dict[str, Any] = {
    "handshake_seconds": 2 * MOMENT,
    "keepalive_seconds": MOMENT,
    "idle_seconds": 2 * MOMENT,
    "stall_seconds": 2 * MOMENT,
    "closing_seconds": 2 * MOMENT,
    "presence_seconds": PRESENCE,
}


@dataclass(frozen=True)
class Row:
    """What a peer reads after it has ended its side, and what when it is silent; ``None`` if it may be.

    What others see of it, and after which endings its nick waits for it: whoever lost its connection will
    want it back, and a peer that said goodbye does not.
    """

    finish: str
    silence: str | None
    others: str = ""
    reserves: tuple[str, ...] = ()


# A socket that is closed while something is unread sends a reset, so to close is not always a goodbye.
LOST = ("reset", "silence")
LOST_UNREAD = (*LOST, "close")
IN_AND_OUT = "joins, leaves"
TIMEOUT = "ping, closing timeout, end"
NO_HELLO = "error bad_state, closing timeout, end"
HTTP = '{"type":"error","code":"bad_frame","message":"this port speaks, end'
WRONG_PORT = "* this port, * the server, end"

ROWS = {
    "connected": Row("end", NO_HELLO),
    "amid a hello": Row("error bad_frame, end", NO_HELLO),
    "said hello": Row("welcome, end", "error unavailable, closing timeout, end", reserves=("reset",)),
    "greeted": Row("welcome, end", f"welcome, {TIMEOUT}", reserves=LOST_UNREAD),
    "welcomed": Row("end", TIMEOUT, reserves=LOST),
    "joined": Row("end", TIMEOUT, IN_AND_OUT, LOST),
    "amid a post": Row("error bad_frame, end", TIMEOUT, IN_AND_OUT, LOST),
    "paging": Row("message, page, end", "message, end", IN_AND_OUT, LOST_UNREAD),
    "paused": Row("pong, end", "pong, end", IN_AND_OUT, (*LOST_UNREAD, "deaf")),
    "unsent": Row("message, end", "message, end", IN_AND_OUT, LOST_UNREAD),
    "finished with unsent": Row("message, end", "message, end", IN_AND_OUT),
    "lingering": Row("end", "end"),
    "refused": Row("error limit_exceeded, end", "error limit_exceeded, end"),
    "speaking http": Row(HTTP, HTTP),
    "plain": Row("end", None, IN_AND_OUT),
    "plain, amid a line": Row("end", None, "joins, says a line, says half a li, leaves"),
    "plain, paused": Row("* /me TEXT, end", "* /me TEXT, end", IN_AND_OUT),
    "plain, unsent": Row("text, end", "text, end", IN_AND_OUT),
    "plain, finished with unsent": Row("text, end", "text, end", IN_AND_OUT),
    "plain, lingering": Row("end", "end"),
    "plain, refused": Row("* the server, end", "* the server, end"),
    "plain, speaking http": Row(WRONG_PORT, WRONG_PORT),
    "plain, saying hello": Row(WRONG_PORT, WRONG_PORT),
}


FAILED = "error bad_frame, closing protocol, end"

ROWS_OF_BROWSERS = {
    "connected": ROWS["connected"],
    "amid a hello": ROWS["amid a hello"],
    "said hello": Row("welcome, end", ROWS["said hello"].silence, reserves=("reset", "deaf")),
    "greeted": Row("welcome, end", f"welcome, {TIMEOUT}", reserves=(*LOST_UNREAD, "deaf")),
    "welcomed": Row("end", TIMEOUT, reserves=(*LOST, "deaf")),
    "joined": Row("end", TIMEOUT, IN_AND_OUT, (*LOST, "deaf")),
    "amid a post": Row(FAILED, TIMEOUT, IN_AND_OUT, (*ENDINGS, "silence")),
    "paging": ROWS["paging"],
    "paused": ROWS["paused"],
    "unsent": ROWS["unsent"],
}
"""A stream that ends without a close frame is a lost connection, and one amid a message is a fault."""


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    for name in ("session.LINGER", "liveness.REFUSAL_SECONDS"):
        monkeypatch.setattr(f"chatcore.server.{name}", 2 * MOMENT)
    return Traffic(monkeypatch)


@pytest.fixture
def open_stage(serve: Serve, traffic: Traffic) -> Callable[..., Stage]:
    """Opens a server on which steps can be taken."""

    def stage(**limits: Any) -> Stage:
        clock, gate = Clock(), LateGate()
        return Stage(serve(clock=clock, gate=gate, **LIMITS, **limits), clock, gate, traffic)

    return stage


def _endings(name: str) -> list[str]:
    """Return the endings that a step leaves, and that look the same each time.

    What is on its way to a deaf socket is answered by a reset, which may come before the goodbye is read.
    """
    left_out = {"deaf"} if name.endswith(("unsent", "paging")) else set()
    if name.endswith("finished with unsent"):
        left_out.add("urgent")
    return [ending for ending in ENDINGS if ending not in left_out]


def _endings_of_browsers(name: str) -> list[str]:
    """Return those of a browser: a reset for what it leaves unread may overtake its goodbye."""
    overtaken = "close" in ROWS_OF_BROWSERS[name].reserves and name != "amid a post"
    return [ending for ending in _endings(name) if not overtaken or ending != "close"]


def _expected(row: Row, ending: str) -> Seen:
    others = row.others
    if ending == "reset":  # what is no whole line is not said
        others = others.replace("says half a li, ", "")
    return Seen(row.finish if ending in READING else None, others, ending in row.reserves)


@pytest.mark.parametrize("name", rows.steps_of(ROWS))
def test_every_ending_is_the_same_on_every_server(
    open_stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    _see_that_all_end_alike(open_stage, STEPS[name], ROWS[name], _endings(name))
    assert caplog.messages == []


@pytest.mark.parametrize("name", rows.steps_of(ROWS_OF_BROWSERS))
def test_every_ending_of_a_browser_is_the_same_on_every_server(
    open_stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    row, endings = ROWS_OF_BROWSERS[name], _endings_of_browsers(name)
    _see_that_all_end_alike(open_stage, STEPS[name], row, endings)
    assert caplog.messages == []


def _see_that_all_end_alike(
    open_stage: Callable[..., Stage], step: Step, row: Row, endings: list[str]
) -> None:
    """Let peers end at a step, and see what the row says, and that the server holds nothing of them."""
    stage = open_stage(**step.limits)
    census, held = Census(), objects()
    seen = {ending: end(stage, step, ending) for ending in endings}
    assert seen == {ending: _expected(row, ending) for ending in endings}
    stage.witness.settle()  # so the server has let go of the last one
    census.assert_unchanged()
    assert objects() == held
    if row.silence is not None:
        assert fall_silent(stage, step) == Seen(row.silence, "", "silence" in row.reserves)


def test_every_step_has_a_row() -> None:
    assert list(ROWS) == list(STEPS)


# --- while the server ends -----------------------------------------------------------------------

DRAINED = {
    "unsent": "message, closing drain, end",  # first: the others get nothing of what does not fit
    "connected": "closing drain, end",
    "amid a hello": "closing drain, end",
    "welcomed": "closing drain, end",
    "joined": "closing drain, end",
    "amid a post": "closing drain, end",
    "plain": "* the server, end",
}
"""Steps, and what a peer reads there when the server ends."""


@pytest.mark.parametrize("ending", [*ENDINGS, "silence"])
def test_a_server_that_ends_waits_for_nobody_that_has_ended(
    open_stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    stage = open_stage()
    peers = [STEPS[name].go(stage, f"n{number}") for number, name in enumerate(DRAINED)]
    closing = threading.Thread(target=stage.house.server.close)
    with stage.traffic.expecting("draining", len(peers) + 1):
        closing.start()
    for peer in peers:
        ENDINGS.get(ending, id)(peer)
    stage.witness.finish()
    if ending in READING:
        assert dict(zip(DRAINED, map(reads, peers), strict=True)) == DRAINED
    stage.clock.release()
    closing.join(DEADLINE)
    assert not closing.is_alive()
    assert Holdings.of(stage.house.hub) == Holdings()
    assert caplog.messages == []


# --- before it is accepted -----------------------------------------------------------------------


class Gatekeeper:
    """Lets nobody be accepted until it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._may = threading.Event()
        working = Acceptor.accept

        def accept(acceptor: Acceptor, listener: Any) -> Iterator[Any]:
            assert self._may.wait(DEADLINE)
            return working(acceptor, listener)

        monkeypatch.setattr(Acceptor, "accept", accept)

    def open(self) -> None:
        """Let everybody be accepted."""
        self._may.set()


@pytest.mark.parametrize("scheme", ["chat", "plain"])
def test_peers_that_end_before_they_are_accepted_are_nobody(
    open_stage: Callable[..., Stage],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    stage = open_stage()
    census, held, before = Census(), objects(), Holdings.of(stage.house.hub)
    gatekeeper = Gatekeeper(monkeypatch)
    early = [(ending, stage.house.stranger(scheme)) for ending in ENDINGS for _ in range(5)]
    for ending, peer in early:
        ENDINGS[ending](peer)
    with stage.traffic.expecting("opened"):
        last = Peer(stage.house.port(scheme))  # which is accepted after all the others
        gatekeeper.open()
    stage.leave(last)
    assert {peer.receive_rest() for ending, peer in early if ending in READING} == {b""}
    for _, peer in early:
        peer.close()
    stage.traffic.wait_until_gone(but=1)
    stage.witness.settle()
    census.assert_unchanged()
    assert (objects(), Holdings.of(stage.house.hub)) == (held, before)
    assert caplog.messages == []
