"""How errors reach a person: one line on standard error that says what to do, and an exit code.

Commands raise; `reporting` is around each of them and does the rest. Scripts depend on the exit codes, which
``docs/operations.md`` lists: a code never changes its meaning.
"""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

import typer

from cli.streams import ReaderGoneError, finish, flush, write_text
from cli.warned import warned_by

__all__ = [
    "FAILED",
    "INCOMPLETE",
    "INTERRUPTED",
    "NO_COMMON_PROTOCOL",
    "REFUSED",
    "USAGE",
    "complain",
    "ending",
    "leave_fast",
    "reaching",
    "reporting",
]

FAILED = 1
USAGE = 2
REFUSED = 3
NO_COMMON_PROTOCOL = 4
INCOMPLETE = 5
INTERRUPTED = 130

_NO_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
"""What a resolver says where there is no such name."""

_UNREACHABLE = (
    errno.EACCES,
    errno.EADDRNOTAVAIL,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EINVAL,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EPERM,
)
"""What a system says of an address that it does not connect to."""


def complain(message: str) -> None:
    """Print one line on standard error, if that can be written to: nobody could be told otherwise.

    Newlines and control characters in it are replaced.
    """
    line = " ".join(message.split())
    with contextlib.suppress(OSError, ValueError):
        write_text(f"chat: {line}\n", error=True)


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Turn an error of a command into a line and an exit code."""
    from chatcore import ChatError, RefusedError, UsageError

    try:
        yield
        flush()
    except ReaderGoneError:  # who reads our output has seen enough
        finish()
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except UsageError as error:
        complain(str(error))
        raise typer.Exit(USAGE) from None
    except RefusedError as error:
        complain(_refusal(error.code, error.message, error.retry_after))
        raise typer.Exit(NO_COMMON_PROTOCOL if error.code == "unsupported_protocol" else REFUSED) from None
    except OSError as error:
        full = error.errno in (errno.EMFILE, errno.ENFILE)
        complain("too many open files; raise the limit with ulimit -n" if full else str(error))
        raise typer.Exit(FAILED) from None
    except ChatError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """End the program, after all of its output is written; if that fails, not with success.

    Commands report their own errors. What is left for here are those of the streams: of the help, and of
    output that could not be written until the end.
    """
    try:
        yield
    except SystemExit as end:
        _exit(end.code)
    except KeyboardInterrupt:
        _exit(INTERRUPTED)
    except OSError as error:
        complain(f"cannot write the output: {error.strerror or error}")
        _exit(FAILED)


def leave_fast() -> None:
    """Have `ending` end the program without taking it apart, which takes a fifth of the time of a short one.

    For a command that has closed what it has opened, and has no threads that anybody waits for.
    """
    _leaves_fast.append(True)


def _exit(code: "int | str | None") -> NoReturn:
    code = _last(code)
    if _leaves_fast and (code is None or isinstance(code, int)):
        os._exit(code or 0)
    sys.exit(code)


_leaves_fast: list[bool] = []


def _last(code: "int | str | None") -> "int | str | None":
    """Write what is left, and return the exit code."""
    error = finish()
    if error is None or isinstance(error, BrokenPipeError) or code:
        return code
    complain(f"cannot write the output: {error.strerror or error}")
    return FAILED


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Say what to do if the server cannot be reached, and what is wrong with one of several addresses."""
    try:
        with warned_by(complain):
            yield
    except ConnectionRefusedError:
        raise ConnectionRefusedError(
            f"no server at {url}; start one with `chat server`, or give another address"
        ) from None
    except TimeoutError as error:
        raise OSError(f"cannot reach {url}: {_of_timeout(error)}") from error
    except socket.gaierror as error:
        raise OSError(f"cannot reach {url}: {_of_resolver(error)}") from error
    except OSError as error:
        # Errors of TLS have numbers of their own, and those of files a name.
        is_plain = type(error) in (OSError, PermissionError) and error.filename is None
        if not is_plain or error.errno not in _UNREACHABLE:
            raise
        raise OSError(f"cannot reach {url}: {os.strerror(error.errno)}") from error


def _of_timeout(error: TimeoutError) -> str:
    own = "" if error.errno else str(error)
    return own or "no answer in time"


def _of_resolver(error: socket.gaierror) -> str:
    if error.errno in _NO_NAME:
        return "there is no host of this name; look for a mistake in it"
    return f"its name could not be looked up ({error.strerror}); look at the network, or try again"


def _refusal(code: str, message: str, retry_after: float | None) -> str:
    later = "" if retry_after is None else f"try again in {retry_after:.0f} s"
    wait = later and f"; {later}"
    if "; " in message:  # which says itself what to do
        return f"the server refused: {message} ({code}){wait}"
    advice = {
        "nick_taken": f"; choose another with --nick{later and ', or '}{later}",
        "bad_name": "; choose another with --nick or --room",
        "unauthorized": "; this server needs a key: run `chat join` with a link that you were sent",
        "unsupported_protocol": "; the server and this client have no protocol version in common",
    }.get(code, wait)
    return f"the server refused: {message} ({code}){advice}"
