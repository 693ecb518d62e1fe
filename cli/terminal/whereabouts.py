"""Where we are connected, and what is said when that changes: as little as possible.

A server that has only one address is lost, and then back, in a line for each. One with several is usually
back at another one within a second: then one line says why, and where we are now. If no address answers, that
is reported as the loss that it is.
"""

from collections.abc import Callable

from cli.terminal.answers import reason_of

__all__ = ["Whereabouts"]


class Whereabouts:
    """What is known of the connection. ``offline`` says that there is none now."""

    def __init__(self) -> None:
        self.offline = False
        self._find: Callable[[], str] = str
        self._address = ""  # where we are, or were last
        self._addresses = 1
        self._failures = 0  # since we were there
        self._first: str | None = None  # why we have lost it
        self._shown: str | None = None  # why there is no connection, as shown last

    def begin(self, find: Callable[[], str], addresses: int) -> str:
        """Learn how to find out where we are, and how many addresses there are; return where."""
        self._find, self._addresses = find, addresses
        self._address = find()
        return self._address

    def lose(self, reason: str) -> str | None:
        """Take a loss, or a try that has failed; return what to say."""
        # There is an event for every attempt that fails. It is shown once, and again for another reason.
        self.offline = True
        self._failures += 1
        self._first = self._first or reason
        if self._failures < self._addresses:  # the next address may answer
            return None
        if self._shown is None and self._addresses > 1:
            reason = self._first
        elif self._shown is not None and reason in (self._shown, "lost"):
            return None
        self._shown = reason
        return f"disconnected: {reason_of(reason)}; reconnecting"

    def come_back(self) -> str:
        """Learn that there is a connection again; return what to say."""
        before, self._address = self._address, self._find()
        first, shown = self._first, self._shown
        self.offline, self._failures, self._first, self._shown = False, 0, None, None
        if before == self._address:
            return "reconnected"
        if shown is None and first is not None:
            return f"moved to {self._address}: {reason_of(first)}"
        return f"reconnected, to {self._address}"
