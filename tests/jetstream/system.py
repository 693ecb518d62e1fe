"""Servers with a user of the system account, as `chat cluster config` prints it."""

import contextlib

from cli.settings.nats_passwords import SYSTEM, derived_password
from tests.jetstream.servers import NatsServers, ask

__all__ = ["SET_UP", "leader_of"]

_PASSWORD = derived_password(SYSTEM, "chat", "secret")

SET_UP = f"""
authorization {{ users: [ {{ user: chat, password: secret }} ] }}
no_auth_user: chat
accounts {{ $SYS: {{ users: [ {{ user: {SYSTEM}, password: "{_PASSWORD}" }} ] }} }}
"""
"""What is to be added to their configuration, for the stream ``chat`` and the password ``secret``."""


def leader_of(servers: NatsServers, stream: str) -> str:
    """Return the name of the server that leads a stream, once one does."""
    while True:
        with contextlib.suppress(TimeoutError):  # nobody answers while nobody leads
            if leader := ask(servers, "stream_info", stream).cluster.leader:
                return str(leader)
