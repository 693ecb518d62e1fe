"""The whole core in virtual time: a hub, two endpoints, a journal and a crowd, one random step at a time.

A seed decides everything. In each step the simulation looks at all that could happen next (some
bytes arrive, an endpoint serves one session, the journal commits or fails or answers, a person posts,
the clock moves on) and picks one. Limits are tiny, so that every seam is crossed all the time: a
tail of a few messages, pages of one to three, sockets that take a few hundred bytes.

What the clients get is judged frame by frame against the journal's own log, which is the truth:

- `law` says what one membership may be sent: the law of position;
- `roster` what presence must add up to, `sender` what must become of posts;
- `client` and `plain` are the two kinds of peer that apply them;
- `person` is the user of a client, who joins, leaves and comes back;
- `journal` and `transport` are the two neighbours of the core, taken apart into single steps;
- `simulation` puts them together: chaos, then quiet, then the end, each with its own checks.

A failing seed is replayed exactly, with a line for every step::

    python -m tests.simulation 4711
"""
