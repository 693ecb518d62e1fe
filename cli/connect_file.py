"""What a page says of its server: ``connect.json`` beside it.

``url`` is where terminals connect, the first of the public URLs that are for them, and ``pin`` is that of a
self-made certificate there. ``insecure`` says whether the server was started with ``--insecure``, so that
the page may send a key although it is not encrypted itself. Nothing in it is secret.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatcore import Accounts
    from chatcore.accounts import PublicUrl
    from chatcore.cluster import ReplicatedAccounts

__all__ = ["NAME", "connect_file"]

NAME = "connect.json"


def connect_file(accounts: "Accounts | ReplicatedAccounts | None", *, insecure: bool) -> Callable[[], bytes]:
    """Return what makes the file, with the public URLs that the accounts have at that moment."""

    def content() -> bytes:
        urls = () if accounts is None else accounts.urls
        return json.dumps({**_for_terminals(urls), "insecure": insecure}).encode() + b"\n"

    return content


def _for_terminals(urls: "Sequence[PublicUrl]") -> dict[str, str]:
    for each in urls:
        if each.url.startswith(("chats://", "chat://")):
            found = {"url": each.url.rstrip("/")}
            return found if each.pin is None else {**found, "pin": each.pin}
    return {}
