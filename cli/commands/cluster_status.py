"""``chat cluster status``: how the log is that servers share, and how far this machine's copy of it is."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chatcore import JournalError, UsageError
from cli.checks import counted
from cli.log_checks import count_servers
from cli.report import FAILED
from cli.settings.nats_accounts import accounts_stream
from cli.settings.nats_journal import NatsAddress, live_stream_of, servers_of, stream_of
from cli.streams import write_json, write_text

if TYPE_CHECKING:
    from transports.jetstream import Look, StreamState

__all__ = ["run"]

FULL: Final = 0.9
"""The part of what a stream may hold above which somebody should look."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Copy:
    """What this machine's copy says, ``problem`` if it cannot be read; ``position`` is the last entry."""

    path: Path
    identity: str = ""
    position: int = 0
    forked: str = ""
    problem: str = ""


def run(address: NatsAddress, *, as_json: bool) -> int:
    """Print what is known, and what is wrong; return the exit code. Raises `UsageError` without nats-py."""
    try:
        from transports.jetstream import look_at
    except ModuleNotFoundError as error:
        raise UsageError("this needs nats-py; install chatcore[cluster]") from error
    copy = _copy(address.state)  # before the log, which may get more meanwhile
    streams = (stream_of(address), live_stream_of(address), accounts_stream(address))
    seen, live, looked = look_at(servers_of(address), *streams)
    alive = None if seen.state is None or live.state is None else count_servers(address, live)[0]
    accounts = None if seen.state is None else looked.state
    problems = [*_problems(seen, copy)]
    if accounts is not None:
        problems += [f"of the accounts: {problem}" for problem in _problems_of(accounts)]
    if address.monitors and seen.unsynced is not None:
        problems.append(seen.unsynced)
    if as_json:
        write_json(json.dumps(_object(address, seen, copy, accounts, alive, problems)).encode() + b"\n")
    else:
        write_text(
            "".join(f"{name:<10}{value}\n" for name, value in _rows(address, seen, copy, accounts, alive))
        )
        write_text("".join(f"problem   {problem}\n" for problem in problems))
    return FAILED if problems else 0


def _copy(path: Path) -> _Copy | None:
    """Return what this machine's copy says, ``None`` where there is none."""
    from chatcore.journal.replicated.state import StateFile

    if not path.exists():
        return None
    try:
        file = StateFile(path, read_only=True)
        try:
            header = file.header()
        finally:
            file.close()
    except (sqlite3.Error, JournalError, OSError, ValueError) as error:
        return _Copy(path, problem=str(error))
    return _Copy(path, header.identity, header.position, header.forked)


def _problems(seen: "Look", copy: _Copy | None) -> Iterator[str]:
    """Yield what needs an operator, in words."""
    for server, reason in seen.unreachable.items():
        yield f"{server} cannot be used: {reason}"
    state = seen.state
    if state is None:
        yield f"nothing is known of the log: {seen.problem}"
    else:
        yield from _problems_of(state)
    if copy is None:
        return
    if copy.problem:
        yield f"the copy {copy.path} cannot be read: {copy.problem}"
    if copy.forked:
        yield f"servers have read different logs: {copy.forked}; see `chat cluster new-epoch`"
    if state is not None and copy.identity:
        if copy.identity != state.identity:
            yield f"the copy {copy.path} is of another log"
        elif copy.position > state.last:
            yield f"the log ends at {state.last:,}, and this machine has read {copy.position:,} entries of it"


def _problems_of(state: "StreamState") -> Iterator[str]:
    if state.replicas > 1 and not state.leader:
        yield "no server leads the log, so nothing can be stored"
    if state.others:
        yield f"not all of the log is at {', '.join(state.others)}"
    found = len(state.current) + len(state.others)
    if state.replicas > 1 and found < state.replicas:
        yield f"the log is on {found} servers, and should be on {state.replicas}"
    if state.max_bytes > 0 and state.size > state.max_bytes * FULL:
        yield "the log is nearly full; a full one takes no more messages"


def _rows(
    address: NatsAddress,
    seen: "Look",
    copy: _Copy | None,
    accounts: "StreamState | None",
    alive: int | None,
) -> Iterator[tuple[str, str]]:
    """Yield what people read, by its name."""
    for server, version in seen.versions.items():
        yield "server", f"{server}, nats-server {version}"
    if (state := seen.state) is not None:
        yield "log", f"{address.stream}, {state.identity}"
        if state.leader:
            yield "leader", state.leader
            yield "current", f"{', '.join(state.current)}: {len(state.current)} of {state.replicas}"
        yield "entries", f"{max(state.last - state.first + 1, 0):,}, up to {state.last:,}"
        size = f"{state.size / _MIB:,.1f} MiB"
        room = max(state.max_bytes - state.size, 0) / _MIB
        yield "size", size if state.max_bytes < 0 else f"{size}, room for {room:,.1f} MiB"
        if alive is not None:
            yield "alive", counted(alive, "chat server")
        if accounts is not None:
            yield "accounts", f"up to {accounts.last:,}, {accounts.size / _MIB:,.1f} MiB"
        yield "synced", "always" if seen.unsynced is None else f"not known to be: {seen.unsynced}"
    if copy is None:
        yield "here", f"no copy at {address.state}"
    elif not copy.problem:
        lag = "" if state is None else f", {max(state.last - copy.position, 0):,} behind"
        yield "here", f"{copy.position:,} read{lag}, in {copy.path}"


def _object(
    address: NatsAddress,
    seen: "Look",
    copy: _Copy | None,
    accounts: "StreamState | None",
    alive: int | None,
    problems: list[str],
) -> dict[str, Any]:
    """Return what programs read."""
    told: dict[str, Any] = {
        "stream": address.stream,
        "servers": {**seen.versions, **dict.fromkeys(seen.unreachable)},
        "synced": seen.state is not None and seen.unsynced is None,
        "problems": problems,
    }
    if (state := seen.state) is not None:
        told |= _state_object(state)
    if accounts is not None:
        told["accounts"] = _state_object(accounts)
    if alive is not None:
        told["alive"] = alive
    if copy is not None and not copy.problem:
        told["position"] = copy.position
        if state is not None:
            told["lag"] = max(state.last - copy.position, 0)
    return told


def _state_object(state: "StreamState") -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in state._asdict().items()
    }
