"""A message as lines of text that say whose it is, for pipes and files."""

from collections.abc import Iterator

from chatcore import Message

__all__ = ["lines_of"]


def lines_of(message: Message, where: str = "") -> Iterator[str]:
    """Yield the lines of a message, not sanitized; ``where`` stands before each.

    No nick has a space or a ``*``, so what somebody does and what a program notes look like nothing that can
    be said. A kind that is not known is shown as its text.
    """
    nick = message.nick
    said = f"{nick} (notice):" if message.kind == "notice" else f"{nick}:"
    for number, line in enumerate(message.text.split("\n")):
        lead = f"* {nick}" if message.kind == "action" and number == 0 else said
        yield f"{where}{lead} {line}\n"
