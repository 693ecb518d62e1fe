"""Records of a slot: one per line, ``CRC32 JSON``.

A line that was damaged, or that was never finished, does not check, so it is skipped, and costs only itself.
"""

import json
from typing import Any
from zlib import crc32

__all__ = ["Record", "encode", "scan"]

Record = dict[str, Any]
"""What a line holds."""


def encode(record: Record) -> bytes:
    """Return a record as a line. What is no character, as a terminal may send, is kept too."""
    data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (crc32(data), data)


def scan(data: bytes) -> tuple[list[Record], int]:
    """Return the records that check, and how many bytes are whole lines: what follows them is a torn tail."""
    whole = data.rfind(b"\n") + 1
    found = (_decode(line) for line in data[:whole].split(b"\n"))
    return [record for record in found if record is not None], whole


def _decode(line: bytes) -> Record | None:
    check, _, data = line.partition(b" ")
    if check != b"%08x" % crc32(data):
        return None
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
