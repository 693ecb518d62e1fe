"""What the server's side of the core logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.logs import event

__all__ = [
    "directory_failed",
    "door_refused",
    "gate_answered_twice",
    "gate_failed",
    "gate_gave_no_answer",
    "review_failed",
    "session_failed",
]


@event("door.refused", "chat.door", WARNING, per_minute=600)  # a program acts on each address
def door_refused(*, count: int, address: str) -> str:
    return f"{count} refused from {address}"


@event("session.failed", "chat.core", ERROR)
def session_failed(*, session: str) -> str:
    return f"cannot serve {session}"


@event("gate.failed", "chat.core", ERROR)
def gate_failed() -> str:
    return "the gate failed"


@event("gate.review_failed", "chat.core", ERROR)
def review_failed() -> str:
    return "the gate failed to review a post"


@event("gate.answered_twice", "chat.core", WARNING)
def gate_answered_twice() -> str:
    return "the gate has answered twice; the first answer counts"


@event("gate.no_answer", "chat.core", ERROR)
def gate_gave_no_answer(*, type: str) -> str:
    return f"the gate answered with {type!r}, which is no answer"


@event("directory.failed", "chat.core", ERROR)
def directory_failed() -> str:
    return "the directory failed"
