"""What is said of ends, gaps and refusals: what has happened, and what to do about it."""

from chatcore.errors import ChatError, DisconnectedError, RefusedError
from cli.terminal.input import Command, JoinRoom, LeaveRoom, Rename, Say, WhoIsHere

__all__ = ["end", "gap", "not_allowed", "offline", "refusal"]

_ENDINGS = {
    "drain": "the server is shutting down",
    "taken_over": "another client has taken over this name",
    "stalled": "the server says that we read too slowly",
    "timeout": "there was no sign of life in time",
    "protocol": "the server did not understand us",
    "nick_taken": "somebody else has this name now",
}

_GAPS = {
    "expired": "the server does not keep them any longer",
    "reset": "the server's record has begun anew",
}

_ADVICE = {
    "nick_taken": "choose another with /nick NAME",
    "bad_name": "choose another",
    "too_long": "send it in parts; the Up key brings it back",
    "bad_text": "the Up key brings it back, to be changed",
    "not_joined": "enter it with /join",
    "limit_exceeded": "/leave a room that you do not need",
    "unavailable": "try again in a moment; the Up key brings it back",
    "unknown": "the Up key brings it back",
}


def offline(reason: str) -> str:
    """Return what is said of a connection that is lost for the moment."""
    return f"disconnected: {_ending(reason)}; trying to come back"


def end(error: ChatError) -> str:
    """Return what is said of the end of a conversation."""
    why = _ending(error.reason) if isinstance(error, DisconnectedError) else str(error)
    return f"disconnected: {why}"


def gap(after: int, through: int, reason: str) -> str:
    """Return what is said of messages that cannot be had."""
    why = _GAPS.get(reason, reason)
    first, last = after + 1, through
    if first > last:
        return f"nothing is missing, but {why}"
    which = f"message {first} is" if first == last else f"messages {first} to {last} are"
    return f"{which} missing: {why} ({reason})"


def refusal(error: RefusedError) -> str:
    """Return why the server did not do what was asked, and what to do."""
    advice = _ADVICE.get(error.code)
    if error.retry_after is not None:
        advice = f"try again in {error.retry_after:.0f} s"
    return f"{error.message} ({error.code}){f'; {advice}' if advice else ''}"


def not_allowed(command: Command) -> str:
    """Return what is wrong with an argument that the protocol can't carry."""
    match command:
        case Rename():
            return "a name is 1 to 32 letters of A to Z, digits, dots, dashes or underscores"
        case JoinRoom() | LeaveRoom() | WhoIsHere():
            return "a room's name is 1 to 64 letters of A to Z, digits, dots, dashes or underscores"
        case Say():
            return "not sent: it has control characters in it; the Up key brings it back"
        case _:
            return "that cannot be"


def _ending(reason: str) -> str:
    if reason == "lost":  # nobody said why
        return "the connection was lost"
    return f"{_ENDINGS.get(reason, 'the server gave a reason that we do not know')} ({reason})"
