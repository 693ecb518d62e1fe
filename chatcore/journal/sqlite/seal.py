"""What is stored beside each line, so that damage is noticed and does no harm.

- A *digest* of what was posted (`chatcore.messages.digest`) says whether an id that is sent again belongs to
  the same. It is decided from the digest alone, never from the line, so a damaged line stops nobody.
- A *checksum* of the row says whether its line is the one that was stored.
"""

from zlib import crc32

__all__ = ["NO_CHECKSUM", "NO_DIGEST", "checksum"]

NO_DIGEST = b""
"""The digest of no text: that of a line that was damaged before digests were stored."""

NO_CHECKSUM = -1
"""The checksum of no row: that of a line that was damaged before checksums were stored."""


def checksum(seq: int, prev: int, id_: bytes, line: bytes) -> int:
    """Return the checksum of a row; raises `TypeError` where damage has changed the kind of a value."""
    return crc32(line, crc32(b"%d %d %b\n" % (seq, prev, id_)))
