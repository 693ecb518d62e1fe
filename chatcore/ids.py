"""The ids that this package makes for posts: UUIDs of version 7 (RFC 9562, section 5.7).

They begin with the time, so the ids of new posts lie beside each other in the index of a journal. Ids that
are nothing but chance lie anywhere in it: in a long log, storing a post then costs more than twice as much.
"""

import os
import time
from uuid import UUID

__all__ = ["new_id"]

_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM = (1 << 80) - 1 & ~(15 << 76) & ~(3 << 62)


def new_id() -> str:
    """Return an id that nobody else has: milliseconds since 1970, and 74 bits of chance."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM
    return str(UUID(int=milliseconds << 80 | _VERSION | _VARIANT | random))
