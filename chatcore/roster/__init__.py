"""Who is here, on all servers that share a log: one set of nicks, and everybody in one list.

Each server reads a *live log*, which keeps its entries for minutes, and holds all of what follows from it in
memory. `acts` is what an entry may hold, and `state` what servers know. `machine` is what an entry does to
that: read it first. `replica` is one server's part: what it says, when it has to say it again, and what it
takes from the others. `census` counts servers from outside, and `log_events` is what it logs.

Whoever has a nick is decided by the order of the log, on each server alike. Nothing is stored here, and
nothing waits: whoever uses it has the threads, and a lock.
"""

__all__: list[str] = []
