"""A process that applies the recorded log under circumstances of its own, and says what it ran on.

python -m tests.accounts.replicated.applying PATH SEED COUNT CLOCK GROUP RESTARTS
"""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path


def main() -> None:
    """Apply the log: in groups, with restarts, and under a clock that is off."""
    name, seed, count, clock, group, restarts = sys.argv[1:]
    begin = time.time() + float(clock)
    time.time = lambda: begin  # before anything could have taken it from there
    time.time_ns = lambda: int(begin * 1e9)
    from chatcore.accounts.replicated.machine import AccountsMachine
    from chatcore.accounts.replicated.state import AccountsState
    from chatcore.accounts.schema import create_accounts
    from chatcore.accounts.snapshot import Snapshot
    from tests.accounts.replicated.recorded import recorded

    path, log = Path(name), recorded(int(seed), int(count))
    create_accounts(path)
    parts = int(restarts) + 1
    for part in range(parts):
        end = len(log) * (part + 1) // parts
        with closing(AccountsState(path)) as file:
            machine = AccountsMachine(file)
            if not machine.header.identity:
                with file.transaction():
                    machine.begin("log-1")
            while machine.header.position < end:
                position = machine.header.position
                with file.transaction():
                    for each in log[position : min(position + int(group), end)]:
                        if machine.apply(each).bug is not None:
                            sys.exit(f"{each}")
                    machine.finish()
                Snapshot.load(file)
    print(sys.version_info[:2], sqlite3.sqlite_version)  # noqa: T201


if __name__ == "__main__":
    main()
