"""The accounts of a cluster: a log that all of its servers follow, and what it comes to in a file of each.

`ReplicatedAccounts` is the gate of one server, and `ReplicatedAdministration` changes the accounts from
anywhere. Each act is an entry of the log, and what it does is decided where it is read, by the same rules on
each server. So an invite is used up by the order of the log, and a ban holds everywhere.

Read in this order: `machine`, what an entry does; `state`, the file that this is in; `doubts`, what is
refused without an entry; `replica`, which puts that together without threads; `gate`, the thread;
`administration`. `log_events` are what they log.
"""

from chatcore.accounts.replicated.administration import ReplicatedAdministration
from chatcore.accounts.replicated.gate import ReplicatedAccounts

__all__ = ["ReplicatedAccounts", "ReplicatedAdministration"]
