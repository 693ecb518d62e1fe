"""Accounts by invitation, in one SQLite file: a gate for a server, and what an operator does with the file.

This module is public, for those who manage accounts: `Accounts` is the gate, `Administration` changes the
same file from any process, beside a server. There are no passwords. Whoever has an invite makes a key, which
the server knows by its hash from then on.

Read in this order: `records`, what the file holds as values; `naming`, whose a nick is; `tokens`, keys and
invites; `links`, how invites are sent; `rights`, the table of who may do what; `schema` and `statements`,
the file, and `touched`, what of it has changed; `refusals`; `acts`, all that changes it, as data;
`redemption`, `moderation` and `devices`, what an act of a session does, `operating`, what one of an operator
does, and `performing`, any of them; `networks` and `snapshot`, what is known at one moment; `changes`,
`uses`, `pace` and `writer`, the thread that owns the file, with its `log_events`; `gate`; and, for the
command line, `book`, `administration` and `backup`. `replicated` is the same for a cluster.
"""

from chatcore.accounts.administration import Administration
from chatcore.accounts.backup import AccountsCopy, Returned, back_up_accounts, restore_accounts
from chatcore.accounts.gate import Accounts
from chatcore.accounts.links import PublicUrl
from chatcore.accounts.naming import owns
from chatcore.accounts.records import (
    ROLES,
    AccountEntry,
    AuditEntry,
    BanEntry,
    InviteEntry,
    KeyEntry,
    Role,
)
from chatcore.accounts.tokens import key_id

__all__ = [
    "ROLES",
    "AccountEntry",
    "Accounts",
    "AccountsCopy",
    "Administration",
    "AuditEntry",
    "BanEntry",
    "InviteEntry",
    "KeyEntry",
    "PublicUrl",
    "Returned",
    "Role",
    "back_up_accounts",
    "key_id",
    "owns",
    "restore_accounts",
]
