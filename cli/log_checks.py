"""What can be wrong with a log that servers share: checks for ``chat doctor``.

This machine's copy is read before the log is looked at. So a server that runs meanwhile does not seem to have
read more than there is.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chatcore import AccountsError, JournalError
from cli.checks import Finding, counted
from cli.log_copies import (
    AGAIN,
    NEW_EPOCH,
    NEW_EPOCH_OF_ACCOUNTS,
    CopyHeader,
    check_copy_header,
    header_of_accounts,
)
from cli.settings.nats_journal import NatsAddress, live_stream_of, servers_of, stream_of
from cli.stream_checks import FULL, check_leader, check_replicas, check_stream, size, unknown_stream

if TYPE_CHECKING:
    from chatcore.journal.replicated.checking import CopyReport
    from transports.jetstream import Look, MonitorPage, ServerLook, StreamState

__all__ = ["check_accounts_log", "check_live", "check_log", "count_servers"]

OFF_SECONDS: Final = 2.0
"""How far two clocks may differ."""

MOST_LIVE: Final = 1_000
"""The most entries that are read to see which chat servers are there."""

_SECOND: Final = 1_000_000

_NAME_ALL = "name the monitoring addresses of all in monitor=URL,URL"
_CLOCKS = "have all machines keep the time, by NTP: messages show that of the NATS server that leads the log"


def check_log(address: NatsAddress) -> Iterator[Finding]:
    """Check the servers of a log, its streams, and this machine's copy of it. Raises `UsageError`."""
    try:
        from transports.jetstream import look
    except ModuleNotFoundError:
        advice = "install chatcore[cluster]"
        yield Finding(f"log {address.stream}", "nothing can be said of it without nats-py", advice)
        return
    copy = _read_copy(address.state)
    seen = look(servers_of(address), stream_of(address))
    for host, server in seen.servers.items():
        yield _server(host, server)
    for url, page in seen.monitors.items():
        yield from _monitor(url, page)
    if seen.state is None:
        what = f"log {address.stream}"
        yield _missing(what, copy) if seen.failure == "missing" else unknown_stream(what, seen)
    else:
        yield from _stream(f"log {address.stream}", seen, seen.state)
    yield from _copy(address, seen.state, copy)
    if seen.state is not None:
        yield from _live(address)


def _server(host: str, server: "ServerLook") -> Finding:
    what = f"nats-server {host}"
    if server.problem and not server.version:
        return Finding(what, server.problem, "start it, and see that this machine reaches it")
    if server.problem:
        return Finding(what, server.problem, "see what `chat cluster config` prints for it")
    if not server.has_jetstream:
        return Finding(
            what, f"{server.version}, without JetStream", "add a jetstream block to its configuration"
        )
    return Finding(what, f"{server.version} with JetStream, messages of up to {size(server.max_payload)}")


def _monitor(url: str, page: "MonitorPage | str") -> Iterator[Finding]:
    what = f"monitor {url}"
    if isinstance(page, str):
        yield Finding(what, page, "correct monitor=URL, or see that this machine reaches it")
        return
    if page.syncs:
        yield Finding(what, "syncs always")
    else:
        yield Finding(
            what, "does not sync always", "add sync_interval: always to its jetstream block, and restart it"
        )
    if page.room is not None:
        found = f"{size(page.stored)} stored, of {size(page.room)} that it may store"
        advice = (
            "raise its max_file, or make room on it, before that is used up"
            if page.stored > page.room * FULL
            else ""
        )
        yield Finding(what, found, advice)
    if page.ahead is not None and abs(page.ahead) > OFF_SECONDS:
        yield Finding(what, f"its clock is {_apart(page.ahead)} this machine's", _CLOCKS)


def _missing(what: str, copy: "CopyReport | JournalError | None") -> Finding:
    if copy is None or (not isinstance(copy, JournalError) and not copy.identity):
        return Finding(what, "there is none", "start a chat server, which makes it, or correct stream=NAME")
    advice = "restore it at the NATS servers, or correct stream=NAME; no chat server makes it again"
    return Finding(what, "there is none, and this machine has read one", advice)


def _stream(what: str, seen: "Look", state: "StreamState") -> Iterator[Finding]:
    """Yield what is found of a stream that is set up as it has to be."""
    count = max(state.last - state.first + 1, 0)
    entries = "1 entry" if count == 1 else f"{count:,} entries"
    yield Finding(what, f"{entries}, its settings are as they have to be, identity {state.identity}")
    yield from check_stream(what, state)
    yield from _syncing(what, seen)
    if seen.ahead is None:
        yield Finding(what, "its clock cannot be told")
    elif abs(seen.ahead) > OFF_SECONDS:
        yield Finding(what, f"its clock is {_apart(seen.ahead)} this machine's", _CLOCKS)
    else:
        yield Finding(what, "its clock is this machine's")


def _syncing(what: str, seen: "Look") -> Iterator[Finding]:
    """Yield whether all servers sync; what is said by the page of one is told there."""
    if not seen.monitors:
        yield Finding(what, seen.unsynced or "")
    elif all(not isinstance(page, str) and page.syncs for page in seen.monitors.values()):
        yield Finding(
            what, seen.unsynced or "all of its servers sync always", _NAME_ALL if seen.unsynced else ""
        )


def _read_copy(path: Path) -> "CopyReport | JournalError | None":
    """Return what this machine's copy says, or why it cannot be read; ``None`` where there is none."""
    from chatcore.journal.replicated.checking import check_copy

    if not path.exists():
        return None
    try:
        return check_copy(path)
    except JournalError as error:
        return error


def _copy(
    address: NatsAddress, state: "StreamState | None", copy: "CopyReport | JournalError | None"
) -> Iterator[Finding]:
    what = f"copy {address.state}"
    if copy is None:
        yield Finding(what, "there is none yet; a chat server makes it")
        return
    if isinstance(copy, JournalError):
        yield Finding(what, str(copy), AGAIN)
        return
    journal = copy.journal
    for problem in journal.problems[:10]:
        yield Finding(what, problem, AGAIN)
    for exposed in journal.exposed:
        found, _, advice = exposed.partition("; ")
        yield Finding(what, found, advice)
    yield from check_copy_header(what, copy, state, NEW_EPOCH)
    if not journal.problems:
        yield Finding(
            what,
            f"{counted(journal.messages, 'message')} in {counted(journal.rooms, 'room')}, no problems found",
        )
    if copy.now > (time.time() + OFF_SECONDS) * _SECOND:
        ahead = copy.now / _SECOND - time.time()
        yield Finding(
            what, f"the last message shows a time that is {ahead:,.0f} s ahead of this clock", _CLOCKS
        )
    if state is not None and copy.identity == state.identity and copy.position <= state.last:
        yield _past(what, address, state, copy)


def _past(what: str, address: NatsAddress, state: "StreamState", copy: "CopyReport") -> Finding:
    """Return whether a copy is of the log as it is now, as far as it has read that."""
    from chatcore.journal.replicated.checking import COMPARED
    from transports.jetstream import last_entries

    last = copy.position
    entries = last_entries(servers_of(address), stream_of(address), last, most=COMPARED) if last else []
    if (position := copy.first_difference(entries)) is not None:
        found = f"it has read another entry {position:,} than the log has"
        return Finding(what, found, "see `chat cluster new-epoch`")
    found = f"{last:,} of {state.last:,} read, {state.last - last:,} behind"
    return Finding(what, f"{found}, the last {len(entries):,} compared" if entries else found)


def _live(address: NatsAddress) -> Iterator[Finding]:
    """Check the stream of who is here, and count the chat servers by it."""
    from transports.jetstream import look

    seen = look(servers_of(address), live_stream_of(address))
    yield from check_live(address, seen)
    if seen.state is not None:
        count, seconds = count_servers(address, seen)
        what = f"log {live_stream_of(address).name}"
        yield Finding(what, f"{counted(count, 'chat server')} heard of in the last {seconds:.0f} s")


def check_live(address: NatsAddress, seen: "Look") -> Iterator[Finding]:
    """Check the stream of who is here, without which nobody can come in, by a look at it."""
    what = f"log {live_stream_of(address).name}"
    if seen.failure == "missing":
        yield Finding(what, "there is none now; chat servers make it when they start")
        return
    if seen.state is None:
        _, found, advice = unknown_stream(what, seen)
        yield Finding(what, f"{found}; nobody can come in", advice)
        return
    yield Finding(what, "its settings are as they have to be")
    yield from check_leader(what, seen.state)
    if seen.state.replicas > 1:
        yield check_replicas(what, seen.state)


def check_accounts_log(address: NatsAddress) -> Iterator[Finding]:
    """Check the accounts that servers share, their log, and this machine's copy; nothing is changed.

    Raises `UsageError`.
    """
    from cli.settings.nats_accounts import accounts_copy, accounts_stream, administration_of

    what = f"accounts {address.stream}-accounts"
    copy = header_of_accounts(accounts_copy(address))
    try:
        with administration_of(address, by="doctor") as book:
            accounts, urls, forked = book.accounts(), book.urls(), book.forked
    except AccountsError as error:
        found, _, advice = str(error).partition("; ")
        yield Finding(what, found, advice or "see what is said of the log of the messages")
        return
    yield Finding(what, f"{len(accounts):,}, {counted(len(urls), 'public URL')}")
    if forked:
        yield Finding(what, f"servers have read different logs: {forked}", f"see `{NEW_EPOCH_OF_ACCOUNTS}`")
    from transports.jetstream import look

    seen = look(servers_of(address), accounts_stream(address))
    if seen.state is None:
        yield unknown_stream(what, seen)
    else:
        yield from check_stream(what, seen.state)
    yield from _accounts_copy(copy, seen.state)


def _accounts_copy(copy: CopyHeader | None, state: "StreamState | None") -> Iterator[Finding]:
    if copy is None:
        return
    what = f"copy {copy.path}"
    if copy.problem:
        yield Finding(what, copy.problem, AGAIN)
        return
    wrong = [*check_copy_header(what, copy, state, NEW_EPOCH_OF_ACCOUNTS)]
    yield from wrong
    if state is not None and not wrong:
        yield Finding(
            what, f"{copy.position:,} of {state.last:,} read, {state.last - copy.position:,} behind"
        )


def count_servers(address: NatsAddress, live: "Look") -> tuple[int, float]:
    """Return how many chat servers have said that they are there, and in how many seconds.

    ``live`` is a look at the stream of who is here. Blocks for some seconds at most.
    """
    from chatcore.roster.census import LEASE, servers_heard
    from transports.jetstream import last_entries

    if live.state is None:
        return 0, LEASE
    since = round((time.time() + (live.ahead or 0.0) - LEASE) * _SECOND)
    last = live.state.last
    entries = last_entries(servers_of(address), live_stream_of(address), last, most=MOST_LIVE, since=since)
    return servers_heard(entries, since), LEASE


def _apart(seconds: float) -> str:
    return f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'}"
