"""Where a page says that its server is: ``connect.json`` beside it.

The file is ``{"url": "chats://HOST:PORT"}``, and may have the ``"pin"`` of a self-made certificate. One
without ``"url"`` is of a server for browsers alone. Whoever answers decides where an invite is sent, so the
page is trusted by its certificate, as in a browser. It may not lead to a server without encryption, and no
redirection is followed. The answer has bounds, in bytes and in seconds.
"""

import http.client
import json
import os
import ssl
import threading
from concurrent.futures import Future
from typing import NamedTuple
from urllib.parse import urlsplit

from chatcore import UsageError
from cli.access.links import encrypted_address

__all__ = ["Found", "find_server"]

SECONDS = 15.0
"""How long all of it may take."""

MOST_BYTES = 64 * 1024

NAME = "connect.json"

_ASK = "ask for a link that begins with chats://"


class Found(NamedTuple):
    """The address of a server, and the pin of its certificate if that is self-made."""

    url: str
    pin: str | None


def find_server(page: str, ca: str | None = None, seconds: float = SECONDS) -> Found:
    """Ask a page for the address of its server.

    Raises `UsageError` if it names none, and `OSError` if it does not answer.
    """
    answer: Future[bytes | int] = Future()
    thread = threading.Thread(target=_answer, args=(page, ca, seconds, answer), daemon=True)
    thread.start()  # which can be left behind: nothing ends a search for a name
    try:
        body = answer.result(seconds)
    except TimeoutError:  # of the whole, or of one step of it
        raise OSError(f"{page} did not answer within {seconds:g} s") from None
    if isinstance(body, int):
        raise UsageError(f"{page} does not say where its server is (it has no {NAME}, status {body}); {_ASK}")
    return _read(page, body)


def _answer(page: str, ca: str | None, seconds: float, answer: "Future[bytes | int]") -> None:
    try:
        answer.set_result(_get(page, ca, seconds))
    except Exception as error:
        answer.set_exception(_explained(page, error))


def _get(page: str, ca: str | None, seconds: float) -> bytes | int:
    """Return what is in the file, or the status if it is not there."""
    parts = urlsplit(page)
    if parts.scheme != "https":
        raise UsageError(
            f"{page} is not encrypted, so anybody could answer for it; open the link in a browser, or ask "
            "for one that begins with https://, chats:// or chat://"
        )
    is_directory = ca is not None and os.path.isdir(ca)
    context = ssl.create_default_context(
        cafile=None if is_directory else ca, capath=ca if is_directory else None
    )
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=seconds, context=context
    )
    try:
        connection.request(
            "GET", f"{parts.path.rpartition('/')[0]}/{NAME}", headers={"Accept": "application/json"}
        )
        response = connection.getresponse()
        return response.read(MOST_BYTES) if response.status == http.HTTPStatus.OK else response.status
    finally:
        connection.close()


def _explained(page: str, error: Exception) -> Exception:
    match error:
        case UsageError() | TimeoutError():
            return error
        case ssl.SSLCertVerificationError():
            return OSError(
                f"the certificate of {page} is not trusted ({error.verify_message}); see --ca, or {_ASK}"
            )
        case ValueError():  # a port that is no number, for instance
            return UsageError(f"{page} is not the address of a page")
        case _:
            return OSError(f"cannot reach {page}: {error}")


def _read(page: str, body: bytes) -> Found:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and "url" not in content:
        raise UsageError(
            f"{page} is for browsers and names no server for terminals; open the link in a browser, or {_ASK}"
        )
    try:
        url, pin = content["url"], content.get("pin")
        if isinstance(url, str) and isinstance(pin, str | None):
            return Found(encrypted_address(url), pin)
    except (UsageError, TypeError):
        pass
    raise UsageError(f"{page} does not name an encrypted server in its {NAME}; {_ASK}")
