"""What speaks at an address where a server of ours was expected, by the first of it that came."""

__all__ = ["foreign"]


def foreign(first: bytes) -> str | None:
    """Return what to say about it; ``None`` if nothing has come, or if it may be our protocol."""
    if not first or first.startswith(b"{"):
        return None
    if first.startswith(b"* "):
        return "this is a plain:// port, which speaks lines of text; connect to the server's chat:// port"
    if first.startswith(b"\x15\x03"):  # an alert, by which TLS refuses what we have said
        return "this is a chats:// port, which speaks TLS; connect to it by that address"
    return "the server does not speak this protocol; is this its plain:// port, or another service?"
