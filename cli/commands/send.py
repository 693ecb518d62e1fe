"""``chat send``: one message, for scripts.

A script needs to know whether its message is stored, and there are three answers: yes, with its number; no,
because the server refused it; and unknown, because the connection broke before the acknowledgement. For the
last one the error names the message's id: sent again with the same id, a message is stored once.
"""

import sys
from typing import NamedTuple
from uuid import uuid4

from chatcore import Ack, RefusedError, RemoteError, UsageError, __version__, encode
from cli.commands.client import with_nick
from cli.report import complain, reaching
from cli.stdin import check_size, input_text, without_controls
from transports.threaded_tcp import connect

__all__ = ["run"]


KINDS = ("action", "notice")
"""What a message may be, besides a text that is said."""


class _Message(NamedTuple):
    room: str
    text: str
    id: str
    kind: str | None


def run(
    url: str,
    nick: str | None,
    room: str,
    text: str | None,
    id_: str | None,
    kind: str | None,
    timeout: float,
    *,
    json: bool,
) -> None:
    """Send a text, or all of standard input, and print its number once it is stored.

    ``kind`` is one of `KINDS`, and ``timeout`` is in seconds. Raises `UsageError` for an invalid kind and if
    there is nothing to send, `RefusedError` if the message is not stored, and another `RemoteError` if that
    is unknown.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind must be {' or '.join(KINDS)}, not {kind!r}")
    text = input_text() if text in (None, "-") else without_controls(text)
    if not text:
        raise UsageError("nothing to send: the text is empty")
    message = _Message(room, text, str(uuid4()) if id_ is None else id_, kind)
    with reaching(url):
        ack = with_nick(nick, lambda name: _post(url, name, message, timeout))
    sys.stdout.write(encode(ack).decode() if json else f"{ack.seq}\n")


def _post(url: str, nick: str, message: _Message, timeout: float) -> Ack:
    with connect(url, nick=nick, rooms=[message.room], client=f"chat {__version__}") as chat:
        try:
            check_size(message.text, chat.limits)
        except UsageError as error:
            raise RefusedError("too_long", str(error)) from None
        answer = chat.post_nowait(message.text, room=message.room, id=message.id, kind=message.kind)
        unsure = f"it may or may not be stored; send it again with --id {message.id}, and it is stored once"
        try:
            return answer.result(timeout)
        except RefusedError:
            raise
        except TimeoutError:
            raise RemoteError(f"no acknowledgement within {timeout:g} s: {unsure}") from None
        except RemoteError as error:
            raise RemoteError(f"{error} before the acknowledgement: {unsure}") from error
        except KeyboardInterrupt:
            complain(unsure)
            raise
