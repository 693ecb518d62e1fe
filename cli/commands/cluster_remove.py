"""``chat cluster remove``: a server of NATS that does not return is taken out, and another gets its part."""

import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import typer

from chatcore import JournalError, UsageError
from cli.report import FAILED
from cli.settings.nats_accounts import accounts_stream
from cli.settings.nats_journal import NatsAddress, live_stream_of, servers_of, stream_of
from cli.settings.nats_passwords import SYSTEM, derived_password
from cli.streams import write_text

if TYPE_CHECKING:
    from transports.jetstream import Look, Servers, StreamState

__all__ = ["run"]

ELECTION: Final = 12.0
"""Seconds in which a stream gets another leader, if there is a majority of its servers: most take 4 to 9."""

PAUSE: Final = 0.5
"""Seconds between two looks meanwhile: a server may refuse at once to say anything."""


def run(address: NatsAddress, host: str, *, yes: bool) -> int:
    """Remove a server by the name that its configuration has, unless the user says no; return the exit code.

    Raises `UsageError` without nats-py, without a file with a password, and if there is nobody to ask, and
    `JournalError` if the server runs, is unknown, or has what another one lacks.
    """
    try:
        from transports.jetstream import MemberKept, remove_member
    except ModuleNotFoundError as error:
        raise UsageError("this needs nats-py; install chatcore[cluster]") from error
    servers = _as_system(address, servers_of(address))
    _check_others(address, host)
    if not yes and not _confirm(host):
        return FAILED
    try:
        remove_member(servers, host)
    except MemberKept as error:
        raise JournalError(f"{host} is not removed; {_explained(str(error))}") from error
    write_text(f"removed {host}; `chat cluster status` says who has all of the log\n")
    return 0


def _as_system(address: NatsAddress, servers: "Servers") -> "Servers":
    """Return the servers, for the user of the system account."""
    from transports.jetstream import Credentials, read_credentials

    if address.credentials is None:
        raise UsageError("this needs creds=PATH in the address, with the file of `chat cluster config`")
    try:
        found = read_credentials(address.credentials)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot use creds={address.credentials}: {error}") from error
    if not found.password:
        raise UsageError(
            f"creds={address.credentials} is not of `chat cluster config`; use the tools of NATS"
        )
    password = derived_password(SYSTEM, address.stream, found.password)
    return replace(servers, credentials=Credentials(user=SYSTEM, password=password))


def _check_others(address: NatsAddress, host: str) -> None:
    """Raise `JournalError` if servers that stay lack something, are too few, or if that is not known.

    What is removed may have led a stream a moment ago, so there is time for an election.
    """
    from transports.jetstream import look_at

    servers = servers_of(address)
    streams = (stream_of(address), live_stream_of(address), accounts_stream(address))
    end = time.monotonic() + ELECTION
    looks = look_at(servers, *streams)
    while any(map(_is_without_leader, looks)) and time.monotonic() < end:
        threading.Event().wait(PAUSE)
        looks = look_at(servers, *streams)
    for stream, seen in zip(streams, looks, strict=True):
        problem = None
        if seen.state is not None:
            problem = _problem_without(host, seen.state)
        elif seen.failure != "missing":
            problem = seen.problem
        if problem is not None:
            raise JournalError(f"{host} is not removed; of {stream.name}, {problem}")


def _is_without_leader(seen: "Look") -> bool:
    """Tell whether no server leads a stream: then none answers, or one that knows little of the others."""
    state = seen.state
    return seen.failure == "silent" or (state is not None and state.replicas > 1 and not state.leader)


def _problem_without(host: str, state: "StreamState") -> str | None:
    if state.replicas > 1 and not state.leader:
        return "no server leads it"
    if lacking := [each for each in state.others if each != host]:
        return f"not all is at {', '.join(lacking)}"
    kept = [each for each in state.current if each != host]
    if state.replicas > 1 and len(kept) * 2 <= state.replicas:
        return f"all is at {len(kept)} of {state.replicas} servers: wait until another one has it"
    return None


def _confirm(host: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"this would remove {host} with all that it stores; add --yes to do it")
    return typer.confirm(f"remove {host} with all that it stores, for good?", err=True)


def _explained(problem: str) -> str:
    if "Authorization" not in problem:
        return problem
    return (
        f"{problem}; this needs the file that `chat cluster config` has as --operator-creds, if any, "
        "and nats-servers that have loaded what it prints"
    )
