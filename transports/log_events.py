"""What the servers of all transports log. ``docs/operations.md`` says what each event means."""

from logging import CRITICAL, ERROR, INFO, WARNING

from chatcore.logs import event

__all__ = [
    "certificate_kept",
    "certificate_reloaded",
    "connection_failed",
    "connection_not_opened",
    "listener_incomplete",
    "listener_paused",
    "transport_failed",
    "transport_not_ended",
]


@event("listener.paused", "chat.transport", WARNING)
def listener_paused(*, error: str) -> str:
    return f"cannot accept connections: {error}; new ones wait"


@event("listener.incomplete", "chat.transport", WARNING)
def listener_incomplete(*, address: str, url: str, error: str) -> str:
    return f"cannot listen on {address}, only on the other addresses of {url}: {error}"


@event("connection.failed", "chat.transport", ERROR)
def connection_failed(*, session: str) -> str:
    return f"cannot serve {session}"


@event("connection.not_opened", "chat.transport", ERROR)
def connection_not_opened(*, peer: str) -> str:
    return f"cannot open the connection of {peer}"


@event("transport.failed", "chat.transport", CRITICAL)
def transport_failed(*, error: str) -> str:
    return f"the server has failed and ends: {error}"


@event("transport.not_ended", "chat.transport", ERROR)
def transport_not_ended() -> str:
    return "the server cannot end cleanly"


@event("certificate.reloaded", "chat.tls", INFO)
def certificate_reloaded(*, fingerprint: str) -> str:
    return f"the certificate was loaded again; its fingerprint is {fingerprint}"


@event("certificate.kept", "chat.tls", WARNING)
def certificate_kept(*, error: str) -> str:
    return f"the certificate that was loaded before stays in use: {error}"
