"""``chat cluster status``: how the log is that servers share, and how far this machine's copy of it is."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatcore import UsageError
from cli.checks import Finding, counted
from cli.log_checks import check_live, count_servers
from cli.log_copies import (
    NEW_EPOCH,
    NEW_EPOCH_OF_ACCOUNTS,
    CopyHeader,
    check_copy_header,
    header_of_accounts,
    header_of_messages,
)
from cli.report import FAILED
from cli.settings.nats_accounts import accounts_copy, accounts_stream
from cli.settings.nats_journal import NatsAddress, live_stream_of, servers_of, stream_of
from cli.stream_checks import check_stream, unknown_stream
from cli.streams import write_json, write_text

if TYPE_CHECKING:
    from transports.jetstream import Look

__all__ = ["run"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Log:
    """A log as its servers and this machine's copy show it; ``new_epoch`` is what ends a fork."""

    name: str
    seen: "Look"
    copy: CopyHeader | None
    new_epoch: str

    @property
    def lag(self) -> int | None:
        """Entries that the copy lacks, ``None`` if that is not known."""
        if self.seen.state is None or self.copy is None or self.copy.problem:
            return None
        return max(self.seen.state.last - self.copy.position, 0)


def run(address: NatsAddress, *, as_json: bool) -> int:
    """Print what is known, and what is wrong; return the exit code. Raises `UsageError` without nats-py."""
    try:
        from transports.jetstream import look_at
    except ModuleNotFoundError as error:
        raise UsageError("this needs nats-py; install chatcore[cluster]") from error
    copies = header_of_messages(address.state), header_of_accounts(accounts_copy(address))
    streams = (stream_of(address), live_stream_of(address), accounts_stream(address))
    seen, live, looked = look_at(servers_of(address), *streams)  # which may have more than the copies by now
    log = _Log(address.stream, seen, copies[0], NEW_EPOCH)
    problems = [*_problems(log)]
    alive, accounts = None, None
    if seen.state is not None:
        alive = None if live.state is None else count_servers(address, live)[0]
        accounts = _Log(streams[2].name, looked, copies[1], NEW_EPOCH_OF_ACCOUNTS)
        problems += [*_in_words(check_live(address, live)), *_accounts_problems(accounts)]
    if address.monitors and seen.unsynced is not None:
        problems.append(seen.unsynced)
    if as_json:
        write_json(json.dumps(_object(log, accounts, alive, problems)).encode() + b"\n")
    else:
        write_text("".join(f"{name:<10}{value}\n" for name, value in _rows(address, log, accounts, alive)))
        write_text("".join(f"problem   {problem}\n" for problem in problems))
    return FAILED if problems else 0


def _problems(log: _Log) -> Iterator[str]:
    """Yield what needs an operator, in words."""
    seen = log.seen
    for server, reason in seen.unreachable.items():
        yield f"{server} cannot be used: {reason}"
    if seen.state is None:
        yield f"nothing is known of the log: {seen.problem}"
    yield from _problems_of(log)


def _accounts_problems(log: _Log) -> Iterator[str]:
    """Yield what needs an operator of the log of the accounts, which need not be there."""
    seen, copy = log.seen, log.copy
    if seen.failure == "missing" and copy is not None and copy.identity:
        yield f"log {log.name}: there is none, and this machine has read one; restore it at the NATS servers"
    elif seen.state is None and seen.failure != "missing":
        yield from _in_words([unknown_stream(f"log {log.name}", seen)])
    yield from _problems_of(log)


def _problems_of(log: _Log) -> Iterator[str]:
    """Yield what is wrong with a log that is known, and with the copy of it."""
    state, copy = log.seen.state, log.copy
    if state is not None:
        yield from _in_words(check_stream(f"log {log.name}", state))
    if copy is not None and copy.problem:
        yield f"the copy {copy.path} cannot be read: {copy.problem}"
    elif copy is not None:
        yield from _in_words(check_copy_header(f"copy {copy.path}", copy, state, log.new_epoch))


def _in_words(findings: Iterable[Finding]) -> Iterator[str]:
    """Return what is wrong, and what to do about it, of what was found."""
    return (f"{each.what}: {each.found}; {each.advice}" for each in findings if each.advice)


def _rows(
    address: NatsAddress, log: _Log, accounts: _Log | None, alive: int | None
) -> Iterator[tuple[str, str]]:
    """Yield what people read, by its name."""
    seen, copy = log.seen, log.copy
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
        if accounts is not None and (their := accounts.seen.state) is not None:
            lag = "" if accounts.lag is None else f", {accounts.lag:,} behind here"
            yield "accounts", f"up to {their.last:,}, {their.size / _MIB:,.1f} MiB{lag}"
        yield "synced", "always" if seen.unsynced is None else f"not known to be: {seen.unsynced}"
    if copy is None:
        yield "here", f"no copy at {address.state}"
    elif not copy.problem:
        lag = "" if log.lag is None else f", {log.lag:,} behind"
        yield "here", f"{copy.position:,} read{lag}, in {copy.path}"


def _object(log: _Log, accounts: _Log | None, alive: int | None, problems: list[str]) -> dict[str, Any]:
    """Return what programs read."""
    seen = log.seen
    told: dict[str, Any] = {
        "stream": log.name,
        "servers": {**seen.versions, **dict.fromkeys(seen.unreachable)},
        "synced": seen.state is not None and seen.unsynced is None,
        "problems": problems,
        **_log_object(log),
    }
    if accounts is not None and accounts.seen.state is not None:
        told["accounts"] = _log_object(accounts)
    if alive is not None:
        told["alive"] = alive
    return told


def _log_object(log: _Log) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if log.seen.state is not None:
        for name, value in log.seen.state._asdict().items():
            told[name] = list(value) if isinstance(value, tuple) else value
    if log.copy is not None and not log.copy.problem:
        told["position"] = log.copy.position
    if log.lag is not None:
        told["lag"] = log.lag
    return told
