"""Where ``chat server`` listens unless it is told otherwise: for clients, and for browsers.

All are addresses of this machine alone. The server needs the first, and can do without the others.
"""

from chatcore import DEFAULT_URL

__all__ = ["DEFAULT_URLS"]

DEFAULT_URLS = (DEFAULT_URL, "http://127.0.0.1:8024")
