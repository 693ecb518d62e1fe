"""What ``chat server`` itself logs. ``docs/operations.md`` says what each event means."""

from collections.abc import Mapping
from logging import CRITICAL, ERROR, INFO, WARNING

from chatcore.logs import event

__all__ = [
    "accounts_required",
    "certificate_doubtful",
    "certificate_self_made",
    "connections_stalled",
    "connections_turned_away",
    "exception_ignored",
    "journal_connecting",
    "journal_opened",
    "journal_slow",
    "line_not_made",
    "lines_left_out",
    "links_outdated",
    "links_renewed",
    "listener_left_out",
    "listener_unused",
    "metrics_failed",
    "metrics_served",
    "requests_refused",
    "server_crashed",
    "server_draining",
    "server_reloading",
    "server_started",
    "server_stopped",
    "settings_changed",
    "systemd_unreachable",
    "tls_failed",
]


@event("server.started", "chat.server", INFO)
def server_started(*, version: str, urls: str, transport: str, process: int) -> str:
    return f"version {version} serves {urls} ({transport}), process {process}"


@event("server.reloading", "chat.server", INFO)
def server_reloading(*, signal: str) -> str:
    return f"{signal}: what has changed is loaded again"


@event("server.draining", "chat.server", INFO)
def server_draining(*, signal: str, connections: int) -> str:
    return f"{signal}: the server drains {_many(connections, 'connection')} and stops"


@event("server.stopped", "chat.server", INFO)
def server_stopped(*, seconds: float) -> str:
    return f"the server has stopped; that took {seconds} s"


@event("server.crashed", "chat.server", CRITICAL)
def server_crashed() -> str:
    return "this is a bug in the server, which stops now"


@event("exception.ignored", "chat.server", ERROR)
def exception_ignored() -> str:
    return "an exception was raised where nothing could take it"


@event("journal.opened", "chat.server", INFO)
def journal_opened(*, kind: str, path: str, durability: str) -> str:
    return f"messages are kept in {path or kind} ({durability})"


@event("journal.connecting", "chat.server", INFO)
def journal_connecting(*, path: str) -> str:
    return f"the log of {path} is not connected yet; until it is, nobody can enter, and posts are refused"


@event("journal.slow", "chat.server", WARNING)
def journal_slow(*, count: int, seconds: float) -> str:
    return f"the disk is slow: {_many(count, 'commit')} took more than 2.5 s, the write of now {seconds} s"


@event("accounts.required", "chat.server", INFO)
def accounts_required(*, path: str) -> str:
    return f"people need an account in {path}"


@event("certificate.self_made", "chat.server", INFO)
def certificate_self_made(*, fingerprint: str) -> str:
    return f"the certificate is self-made; its fingerprint is {fingerprint}"


@event("certificate.doubtful", "chat.server", WARNING)
def certificate_doubtful(*, problem: str) -> str:
    return problem


@event("listener.left_out", "chat.server", WARNING)
def listener_left_out(*, url: str, error: str) -> str:
    return f"cannot listen on {url}: {error}; browsers need another address, with --listen"


@event("listener.unused", "chat.server", WARNING)
def listener_unused(*, socket: str) -> str:
    return f"the socket {socket} was handed over, and no --listen names it; it is closed"


@event("links.renewed", "chat.server", INFO)
def links_renewed() -> str:
    return "new links have the fingerprint of the new certificate, if that is self-made"


@event("links.outdated", "chat.server", WARNING)
def links_outdated(*, error: str) -> str:
    return f"new links have the fingerprint of the certificate from before: {error}"


@event("metrics.served", "chat.server", INFO)
def metrics_served(*, url: str) -> str:
    return f"metrics are at {url}"


@event("metrics.failed", "chat.server", ERROR)
def metrics_failed() -> str:
    return "a page for those who watch the server was not made"


@event("settings.changed", "chat.server", WARNING)
def settings_changed(*, path: str) -> str:
    return f"{path} has changed; restart the server to apply it"


@event("systemd.unreachable", "chat.server", WARNING)
def systemd_unreachable(*, error: str) -> str:
    return f"cannot tell NOTIFY_SOCKET how the server is: {error}"


@event("requests.refused", "chat.server", INFO)
def requests_refused(*, count: int, codes: Mapping[str, int]) -> str:
    most_first = sorted(codes.items(), key=lambda each: (-each[1], each[0]))
    return f"{_many(count, 'refusal')}: {', '.join(f'{code} {number}' for code, number in most_first)}"


@event("connections.turned_away", "chat.server", WARNING)
def connections_turned_away(*, count: int, connections: int) -> str:
    return f"{_many(count, 'connection')} turned away because of a limit or a ban; {connections} are open"


@event("connections.stalled", "chat.server", INFO)
def connections_stalled(*, count: int) -> str:
    return f"{_many(count, 'connection')} closed since the peer took nothing of what was sent"


@event("tls.failed", "chat.server", INFO)
def tls_failed(*, count: int) -> str:
    return f"{_many(count, 'connection')} failed before TLS began"


@event("log.left_out", "chat.server", WARNING, per_minute=1_000)
def lines_left_out(*, count: int, of: str) -> str:
    return f"{_many(count, 'line')} of {of} left out, since they were too many"


@event("log.failed", "chat.server", ERROR)
def line_not_made(*, of: str, error: str) -> str:
    return f"a line of {of} could not be made: {error}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
