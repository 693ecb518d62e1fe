"""What can be wrong with a stream that servers share: checks for ``chat doctor`` and ``chat cluster status``.

Whoever checks a stream names it. A finding with advice is a problem.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cli.checks import Finding

if TYPE_CHECKING:
    from transports.jetstream import Look, StreamState

__all__ = ["FULL", "check_leader", "check_replicas", "check_room", "check_stream", "size", "unknown_stream"]

FULL: Final = 0.9
"""The part of what may be stored above which there should be more room."""

_MIB: Final = 1024 * 1024

_SETTINGS = "change that at the NATS servers; chat servers refuse a stream that is set up otherwise"
_MAJORITY = "start the NATS servers, and see that they reach each other: a majority of them has to run"


def check_stream(what: str, state: "StreamState") -> Iterator[Finding]:
    """Check a stream from which nothing goes: who leads it, who has all of it, and how much room is left."""
    yield from check_leader(what, state)
    yield check_replicas(what, state)
    yield check_room(what, state)


def check_leader(what: str, state: "StreamState") -> Iterator[Finding]:
    """Check whether a server leads the stream, where it is on several."""
    if state.replicas > 1 and not state.leader:
        yield Finding(what, "no server leads it, so nothing can be stored", _MAJORITY)
    elif state.replicas > 1:
        yield Finding(what, f"{state.leader} leads it")


def check_replicas(what: str, state: "StreamState") -> Finding:
    """Check whether each server that should have all of the stream has it."""
    if state.replicas == 1:
        return Finding(what, "on one server, which must not be lost")
    found = f"all of it is on {len(state.current)} of {state.replicas} servers"
    if len(state.current) >= state.replicas and not state.others:
        return Finding(what, found)
    missing = f", not on {', '.join(state.others)}" if state.others else ""
    return Finding(
        what, found + missing, "see that they run, have room and reach each other; they catch up then"
    )


def check_room(what: str, state: "StreamState") -> Finding:
    """Check how much larger the stream may get."""
    if state.max_bytes < 0:
        return Finding(what, f"{size(state.size)}, and may grow as far as its servers have room")
    found = f"{size(state.size)}, room for {size(max(state.max_bytes - state.size, 0))} more"
    full = state.size > state.max_bytes * FULL
    return Finding(
        what, found, "raise its max_bytes at the NATS servers: a full log takes nothing more" if full else ""
    )


def unknown_stream(what: str, seen: "Look") -> Finding:
    """Return why a stream is not known, of which not even that it is missing is."""
    return Finding(what, seen.problem or "", _SETTINGS if seen.failure == "unfit" else _MAJORITY)


def size(count: int) -> str:
    """Return bytes in words."""
    return f"{count / _MIB:,.1f} MiB" if count < 1024 * _MIB else f"{count / _MIB / 1024:,.1f} GiB"
