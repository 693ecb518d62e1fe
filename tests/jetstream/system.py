"""Servers with a user of the system account, as `chat cluster config` prints it."""

import contextlib

from cli.settings.nats_passwords import SYSTEM, derived_password
from tests.jetstream.servers import NatsServers, ask

__all__ = ["SET_UP", "wait_for_leader"]

_PASSWORD = derived_password(SYSTEM, "chat", "secret")

SET_UP = f"""
authorization {{ users: [ {{ user: chat, password: secret }} ] }}
no_auth_user: chat
accounts {{ $SYS: {{ users: [ {{ user: {SYSTEM}, password: "{_PASSWORD}" }} ] }} }}
"""
"""What is to be added to their configuration, for the stream ``chat`` and the password ``secret``."""


def wait_for_leader(servers: NatsServers, stream: str) -> None:
    """Return once a server leads a stream."""
    while True:
        with contextlib.suppress(TimeoutError):  # nobody answers while nobody leads
            if ask(servers, "stream_info", stream).cluster.leader:
                return
