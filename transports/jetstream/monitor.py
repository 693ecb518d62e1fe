"""Whether the servers of a log sync always: only the page says that, which they have for monitoring."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["sync_problem"]

ANSWER: Final = 2.0
"""Seconds for a page."""

PAGE_BYTES: Final = 1024 * 1024


async def sync_problem(urls: Sequence[str], servers: int) -> str | None:
    """Return why it is not known of so many servers that they sync always; ``None`` if it is.

    ``urls`` are the monitoring addresses, such as ``http://ada-1:8222``.
    """
    if not urls:
        return "it cannot be told whether its servers sync always, without monitor=URL for each"
    known = set()
    for url in urls:
        try:
            async with asyncio.timeout(ANSWER):
                page = await _page(url)
        except (OSError, TimeoutError, ValueError) as error:
            return f"{url} does not say whether it syncs always: {str(error) or 'no answer'}"
        match page:
            case {"server_id": str(server), "config": {"sync_always": True}}:
                known.add(server)
            case _:
                return f"the server at {url} has no sync_interval: always"
    return (
        None if len(known) >= servers else f"{len(known)} of its {servers} servers are known to sync always"
    )


async def _page(url: str) -> Any:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 8222)
    try:
        host = address.netloc.encode("ascii", "replace")
        writer.write(b"GET /jsz?config=1 HTTP/1.0\r\nHost: %s\r\n\r\n" % host)
        head, _, body = (await reader.read(PAGE_BYTES)).partition(b"\r\n\r\n")
        while more := await reader.read(PAGE_BYTES):
            body += more
            if len(body) > PAGE_BYTES:
                raise ValueError("the page is too large")
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError("it is not the page of a server of NATS")
    return json.loads(body)
