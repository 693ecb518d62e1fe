"""Accounts that several servers share: ``--accounts nats://HOST,HOST?...``, by the address of their journal.

They are in a stream of their own, ``NAME-accounts`` beside the stream ``NAME`` of the messages, and a server
has what that comes to beside its copy of the messages. Commands have a private copy that is removed
afterwards, so they work beside a server, and on any machine that reaches NATS.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from chatcore import AccountsError, UsageError
from cli.last_warning import LastWarning
from cli.settings.nats_journal import NatsAddress, parse_address, servers_of

if TYPE_CHECKING:
    from chatcore.cluster import ReplicatedAccounts, ReplicatedAdministration
    from transports.jetstream import Stream

__all__ = ["accounts_address", "accounts_copy", "accounts_stream", "administration_of", "gate_of"]

_WARNING = LastWarning()


def gate_of(setting: str) -> "ReplicatedAccounts":
    """Return the gate of a server to the accounts at an address, not started yet; raises `UsageError`."""
    address = accounts_address(setting)
    try:
        from chatcore.cluster import ReplicatedAccounts
        from transports.jetstream import JetStreamLog
    except ModuleNotFoundError as error:
        raise _no_nats() from error
    log = JetStreamLog(servers_of(address), accounts_stream(address))
    return ReplicatedAccounts(accounts_copy(address), log)


def administration_of(address: NatsAddress, *, by: str) -> "ReplicatedAdministration":
    """Read the accounts at an address, and return what changes them; ``by`` is who does it, for the audit.

    It makes no stream. Raises `UsageError` without nats-py, and `AccountsError` where the accounts cannot be
    read.
    """
    try:
        from chatcore.cluster import ReplicatedAdministration
        from transports.jetstream import JetStreamLog, look
    except ModuleNotFoundError as error:
        raise _no_nats() from error
    servers, stream = servers_of(address), accounts_stream(address)
    seen = look(servers, stream)
    if seen.problem is not None:
        made = "; the first server that is started with these --accounts makes it" if seen.versions else ""
        raise AccountsError(f"the accounts cannot be read: {seen.problem}{made}")
    logging.getLogger("chat").addHandler(_WARNING)  # what is wrong with the log is in the error
    log = JetStreamLog(servers, stream, makes=False)
    return ReplicatedAdministration(log, by=by, why=lambda: _WARNING.said or "the log does not answer")


def accounts_stream(address: NatsAddress) -> "Stream":
    """Return the stream of the accounts that belong to a log of messages."""
    from transports.jetstream import Stream

    return Stream.of_accounts(address.stream, address.replicas)


def accounts_copy(address: NatsAddress) -> Path:
    """Return where the accounts are that belong to a copy of a log: ``shared-chat-accounts.db``."""
    state = address.state
    return state.with_name(f"{state.stem}-accounts{state.suffix}")


def accounts_address(setting: str) -> NatsAddress:
    """Return what the address of accounts says; raises `UsageError` that says what is wrong with it."""
    scheme, _, argument = setting.partition(":")
    return parse_address(scheme, argument)


def _no_nats() -> UsageError:
    return UsageError("accounts at nats:// need nats-py; install chatcore[cluster]")
