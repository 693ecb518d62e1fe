"""Whether a port can be listened on, which is found out by binding it for a moment."""

import socket
import sys

__all__ = ["why_not_free"]


def why_not_free(address: str, port: int) -> OSError | None:
    """Return what stands in the way of listening on an address, as numbers, or ``None``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as sock:
            if hasattr(socket, "SO_REUSEADDR") and sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
    except OSError as error:
        return error
    return None
