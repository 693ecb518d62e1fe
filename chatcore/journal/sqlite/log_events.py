"""What a journal in a file logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.logs import event

__all__ = [
    "answer_lost",
    "index_answer_lost",
    "index_not_removed",
    "index_recovered",
    "index_unusable",
    "journal_broken_write",
    "journal_damaged",
    "journal_exposed",
    "journal_not_closed",
    "journal_not_cut",
    "journal_recovered",
    "journal_replaced",
    "journal_still_unwritable",
    "journal_unlocked",
    "journal_unreadable",
    "journal_unwritable",
    "words_left",
]


@event("journal.unwritable", "chat.journal", WARNING)
def journal_unwritable(*, path: str, error: str) -> str:
    return f"cannot write to the journal {path}: {error}"


@event("journal.still_unwritable", "chat.journal", WARNING, per_minute=1)  # tried once a second
def journal_still_unwritable(*, path: str, error: str) -> str:
    return f"the journal {path} still cannot be used: {error}"


@event("journal.recovered", "chat.journal", WARNING)
def journal_recovered(*, path: str) -> str:
    return f"the journal {path} can be used again"


@event("journal.replaced", "chat.journal", WARNING)
def journal_replaced(*, path: str) -> str:
    return f"the journal {path} is not what it was: a new epoch begins"


@event("journal.broken_write", "chat.journal", WARNING)
def journal_broken_write(*, path: str) -> str:
    return f"a message that was being written to the journal {path} is damaged"


@event("journal.unreadable", "chat.journal", WARNING)
def journal_unreadable(*, error: str) -> str:
    return f"cannot read the journal: {error}"


@event("journal.damaged", "chat.journal", ERROR)
def journal_damaged(*, room: str, first: int, last: int) -> str:
    return f"messages {first} to {last} of room {room} are damaged; readers get a gap"


@event("journal.not_cut", "chat.journal", WARNING, per_minute=1)
def journal_not_cut(*, path: str, error: str) -> str:
    return f"cannot remove old messages from {path}: {error}"


@event("journal.not_closed", "chat.journal", WARNING)
def journal_not_closed(*, path: str, error: str) -> str:
    return f"the journal {path} was not closed cleanly: {error}"


@event("journal.unlocked", "chat.journal", WARNING)
def journal_unlocked(*, path: str, error: str) -> str:
    return (
        f"the file system of {path} has no usable file locks ({error}); "
        "never let two servers use the file by different names"
    )


@event("journal.exposed", "chat.journal", WARNING)
def journal_exposed(*, problem: str) -> str:
    return problem


@event("journal.answer_lost", "chat.journal", ERROR)
def answer_lost() -> str:
    return "an answer of the journal was not taken"


@event("index.unusable", "chat.journal", WARNING)
def index_unusable(*, path: str, error: str) -> str:
    return f"cannot use the search index {path}: {error}"


@event("index.recovered", "chat.journal", WARNING)
def index_recovered(*, path: str) -> str:
    return f"the search index {path} can be used again"


@event("index.not_removed", "chat.journal", WARNING)
def index_not_removed(*, path: str, error: str) -> str:
    return f"cannot remove the search index {path}: {error}"


@event("index.words_left", "chat.journal", WARNING)
def words_left(*, error: str) -> str:
    return f"the words of a removed room may still be in the search index: {error}"


@event("index.answer_lost", "chat.journal", ERROR)
def index_answer_lost() -> str:
    return "an answer of the search index was not taken"
