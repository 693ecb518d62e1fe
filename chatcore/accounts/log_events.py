"""What the accounts of a server log. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.logs import event

__all__ = [
    "accounts_answer_lost",
    "accounts_change_failed",
    "accounts_recovered",
    "accounts_replaced",
    "accounts_unusable",
    "accounts_uses_lost",
]


@event("accounts.unusable", "chat.accounts", WARNING)
def accounts_unusable(*, error: str) -> str:
    return f"the accounts cannot be read or written: {error}"


@event("accounts.recovered", "chat.accounts", WARNING)
def accounts_recovered() -> str:
    return "the accounts can be read and written again"


@event("accounts.replaced", "chat.accounts", WARNING)
def accounts_replaced(*, accounts: int, keys: int) -> str:
    return f"the accounts file was replaced; the one in its place has {accounts} accounts and {keys} keys"


@event("accounts.uses_lost", "chat.accounts", WARNING)
def accounts_uses_lost(*, error: str) -> str:
    return f"the last use of some keys was not written: {error}"


@event("accounts.change_failed", "chat.accounts", ERROR)
def accounts_change_failed() -> str:
    return "a change to the accounts has failed"


@event("accounts.answer_lost", "chat.accounts", ERROR)
def accounts_answer_lost() -> str:
    return "what the accounts have answered was not taken"
