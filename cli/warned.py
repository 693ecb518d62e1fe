"""What the library warns of while it connects, as lines for a person: a node whose certificate is wrong."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord

__all__ = ["warned_by"]

_SAY: list[Callable[[str], None]] = []


@contextlib.contextmanager
def warned_by(say: Callable[[str], None]) -> Iterator[None]:
    """Have warnings of clients shown by ``say`` in this block. The innermost one counts."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: "LogRecord") -> None:
            if record.levelno == logging.WARNING:
                _SAY[-1](record.getMessage())
            elif logging.lastResort is not None:  # a bug, with all that is known of it
                logging.lastResort.handle(record)

    logger, handler = logging.getLogger("chat.client"), Handler(logging.WARNING)
    if not _SAY:
        logger.addHandler(handler)
    _SAY.append(say)
    try:
        yield
    finally:
        _SAY.remove(say)
        logger.removeHandler(handler)
