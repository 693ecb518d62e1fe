"""``chat send``: one message, for scripts."""

import sys
from uuid import uuid4

from chatcore import __version__
from chatcore.client.session import Ack
from chatcore.errors import RefusedError, RemoteError, UsageError
from chatcore.messages import encode
from cli.commands.client import as_somebody
from cli.report import complain, reaching
from cli.stdin import input_text, without_controls
from transports.threaded_tcp import connect

__all__ = ["run"]


def run(
    url: str, nick: str | None, room: str, text: str | None, id_: str | None, timeout: float, *, json: bool
) -> None:
    """Post a text, or all of standard input, and print where it is kept, once it is.

    Raises `RefusedError` where it is not kept, and `RemoteError` where nobody knows.
    """
    text = input_text() if text in (None, "-") else without_controls(text)
    if not text:
        raise UsageError("there is nothing to send: the text is empty")
    key = str(uuid4()) if id_ is None else id_
    with reaching(url):
        ack = as_somebody(nick, lambda name: _post(url, name, room, text, key, timeout))
    sys.stdout.write(encode(ack).decode() if json else f"{ack.seq}\n")


def _post(url: str, nick: str, room: str, text: str, id_: str, timeout: float) -> Ack:
    with connect(url, nick=nick, rooms=[room], client=f"chat {__version__}") as chat:
        limit, size = chat.session.limits.text_bytes, len(text.encode())
        if limit is not None and size > limit:
            # A line that is far too long would end the connection instead of being refused.
            raise RefusedError("too_long", f"the text has {size} bytes, and may have {limit}")
        answer = chat.post_nowait(text, room=room, id=id_)
        unsure = f"it may be kept or not; sent again with --id {id_}, it is kept once"
        try:
            return answer.result(timeout)
        except RefusedError:
            raise
        except TimeoutError:
            raise RemoteError(f"no acknowledgement came within {timeout:g} s: {unsure}") from None
        except RemoteError as error:
            raise RemoteError(f"{error} before the acknowledgement: {unsure}") from error
        except KeyboardInterrupt:
            complain(unsure)
            raise
