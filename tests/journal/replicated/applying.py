"""A process that applies the recorded log under circumstances of its own, and says what it ran on.

python -m tests.journal.replicated.applying DIRECTORY SEED COUNT CLOCK GROUP RESTARTS
"""

import sqlite3
import sys
import time
from pathlib import Path
from random import Random

CLOCK = float(sys.argv[4]) if __name__ == "__main__" else 0.0


def main() -> None:
    """Apply the log: in groups, with restarts, and under a clock that is off."""
    directory, seed, count, _, group, restarts = sys.argv[1:]
    begin = time.time() + CLOCK
    time.time = lambda: begin  # before anything could have taken it from there
    time.time_ns = lambda: int(begin * 1e9)
    from tests.journal.replicated import node as nodes
    from tests.journal.replicated.faulty_log import FaultyLog
    from tests.journal.replicated.recorded import recorded

    random = Random(int(group))
    log = FaultyLog(random, time.time)
    log.entries = recorded(int(seed), int(count))
    node = nodes.Node(Path(directory) / "state.db", log, time.time, random)
    node.start()
    node.connection.open()
    stops = {log.last * (n + 1) // (int(restarts) + 1) for n in range(int(restarts))}
    while node.connection.missing or node.running().header.position < log.last:
        position = node.running().header.position
        if stop := next((each for each in stops if each <= position), None):
            stops.remove(stop)
            node.kill()
            node.start()
            node.connection.open()
        node.connection.deliver(int(group))
        node.step()
        if int(restarts) and random.random() < 0.03:
            node.copy()
            node.kill()
            node.put_back()
            node.start()
            node.connection.open()
        if node.running().follower.stopped:
            sys.exit(node.running().follower.stopped)
    node.kill()
    print(sys.version_info[:2], sqlite3.sqlite_version)  # noqa: T201


if __name__ == "__main__":
    main()
