"""The whole core in virtual time: a hub, two endpoints, a journal and a crowd, one random step at a time.

A seed decides everything. In each step the simulation looks at all that could happen next (some
bytes arrive, an endpoint serves one session, the journal commits or fails or answers, a person posts,
the clock moves on) and picks one. Limits are tiny, so that every seam is crossed all the time: a
tail of a few messages, pages of one to three, sockets that take a few hundred bytes.

What the clients get is judged frame by frame against the journal's own log, which is the truth, and what the
core holds is counted again after every step:

- `law` says what one membership may be sent: the law of position; `page_law` what a page may be;
- `roster` what presence must add up to, `sender` what must become of posts, `naming` of nicks, `pings` of
  what must wait for its turn;
- `client` and `plain` are the two kinds of peer that apply them, with `memberships`, `questions` and `hunts`;
- `person` and `plain_person` are their users, who join, leave and come back, and show their `papers`: they
  are strangers, or the devices of some accounts;
- `journal`, `gate`, `directory` and `transport` are the neighbours of the core, taken apart into steps. Gate
  and directory answer with the `manners` of their simulation: late, twice, never, or by raising;
- `identities` is a model of what a directory decides, and `invariants` is what holds between two steps;
- `table` is what was decided of who may be where and speak there, and `acts` is what people ask of the gate;
- `moderator` revokes keys, puts people out and removes rooms;
- `simulation` puts them together: chaos, then quiet, then the end, each with its own checks;
- `replica` is a real journal, over a log with faults that several hubs share, and `cluster` has these hubs;
- `shared` has hubs that share a directory, too, and judges who is where.

A failing seed is replayed exactly, with a line for every step::

    python -m tests.simulation 4711
"""
