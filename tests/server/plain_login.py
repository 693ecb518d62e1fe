"""Plain connections that log in."""

from chatcore.wire.plain import plain
from tests.server.driver import Host, Peer
from tests.server.key_gate import KeyGate

__all__ = ["LOG_IN", "login", "plain_member"]

LOG_IN = "* log in: /login KEY"


def login(key: str) -> bytes:
    """Return the line that logs in."""
    return f"/login {key}\n".encode()


def plain_member(host: Host, key: str) -> Peer:
    """Return a plain connection that has logged in as ada, whoever else may enter without a key."""
    assert isinstance(host.gate, KeyGate)
    host.gate.ask_for_keys()
    peer = host.connect(plain)
    peer.feed(login(key))
    assert peer.lines() == [LOG_IN, "* you are now ada"]
    return peer
