"""What servers say on the page that they have for monitoring, and nowhere else.

That is whether they sync always, and how much they may store.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from transports.jetstream.link import microseconds
from transports.jetstream.stream import StreamState

__all__ = ["MonitorPage", "read_page", "read_pages", "sync_problem"]

ANSWER: Final = 2.0
"""Seconds for a page."""

PAGE_BYTES: Final = 1024 * 1024

_OTHER_PAGE = "it is not the page of a server of NATS"


class MonitorPage(NamedTuple):
    """What a server says of itself: ``server`` is its id, ``name`` its name, and sizes are in bytes.

    ``room`` is how much it may store in all, ``None`` if it does not say. ``ahead`` is how many seconds its
    clock is ahead of this machine's, ``None`` if it does not say what time it is.
    """

    server: str
    name: str
    syncs: bool
    stored: int
    room: int | None
    ahead: float | None


async def read_pages(urls: Sequence[str]) -> dict[str, MonitorPage | str]:
    """Ask the monitoring addresses, such as ``http://ada-1:8222``; what says nothing has a reason instead."""
    return dict(zip(urls, await asyncio.gather(*map(_answer, urls)), strict=True))


def sync_problem(pages: Mapping[str, MonitorPage | str], state: StreamState) -> str | None:
    """Return why it is not known of the servers of a stream that they sync always; ``None`` if it is.

    They are known by their names. A server without a cluster says none of them, and has the stream alone.
    """
    if not pages:
        return "it cannot be told whether its servers sync always, without monitor=URL for each"
    known = {}
    for url, page in pages.items():
        if isinstance(page, str):
            return f"{url} does not say whether it syncs always: {page}"
        if not page.syncs:
            return f"the server at {url} has no sync_interval: always"
        known[page.server] = page.name
    holders = {*state.current, *state.others}
    if unknown := sorted(holders - {*known.values()}):
        found = len(holders) - len(unknown)
        return f"{found} of its {state.replicas} servers are known to sync always, not {', '.join(unknown)}"
    if len(known) < state.replicas:
        return f"{len(known)} of its {state.replicas} servers are known to sync always"
    return None


async def _answer(url: str) -> MonitorPage | str:
    try:
        async with asyncio.timeout(ANSWER):
            return read_page(await _page(url))
    except (OSError, TimeoutError, ValueError) as error:
        return str(error) or "no answer"


def read_page(page: Any) -> MonitorPage:
    """Return what a page says; raises `ValueError` for one that is no page of NATS."""
    match page:
        case {"server_id": str(server), "server_name": str(name), "jetstream": dict(jetstream)}:
            config, stats = jetstream.get("config") or {}, jetstream.get("stats") or {}
        case _:
            raise ValueError(_OTHER_PAGE)
    if not (isinstance(config, dict) and isinstance(stats, dict)):
        raise ValueError(_OTHER_PAGE)  # noqa: TRY004  # as for any other page
    stored, room = stats.get("storage", 0), config.get("max_storage", 0)
    if not (isinstance(stored, int) and isinstance(room, int)):
        raise ValueError(_OTHER_PAGE)  # noqa: TRY004  # as for any other page
    now = microseconds(str(page.get("now", "")))
    return MonitorPage(
        server=server,
        name=name,
        syncs=config.get("sync_always") is True,
        stored=stored,
        room=room if room > 0 else None,
        ahead=None if now is None else now / 1_000_000 - time.time(),
    )


async def _page(url: str) -> Any:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 8222)
    try:
        host = address.netloc.encode("ascii", "replace")
        writer.write(b"GET /varz HTTP/1.0\r\nHost: %s\r\n\r\n" % host)
        head, _, body = (await reader.read(PAGE_BYTES)).partition(b"\r\n\r\n")
        while more := await reader.read(PAGE_BYTES):
            body += more
            if len(body) > PAGE_BYTES:
                raise ValueError("the page is too large")
    finally:
        writer.close()
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise ValueError(_OTHER_PAGE)
    return json.loads(body)
