"""The server, without I/O: what one hub does for its connections.

One rule holds for all of it: *state is written by its owner only*. Nobody assigns another object's attribute;
whoever wants something changed asks the object that has the verb for it.

Read it in this order. The log and its readers: `tail`, `member` with `pages`, and `room` with `presence`.
Then one connection: `states`, a table, and `session`; `inflow` with its `allowance`, which decodes what a
peer sends, in turns, and `allowances`, where those of one address meet; `intake` with its `inbox`, which
takes that, in order; `handlers`, the table of what each frame does and costs; `pending`, what is asked and
answered later; `posts` and `queries` with `room_list` and `searches`, which own what a client sent and asked;
and its small parts `replies`, `liveness` and `rate_limit`. Then everyone together: `directory` with
`reservations`, who has which nick by which connections; `shared_directory` with its `mirror`, the same for
several servers; `door`, which addresses may connect, `arrivals`, how
fast connections begin, and `forgetting`, how tables of addresses stay small; `guarded_gate`, how a gate is
asked; `rights`, for when they lose some; `rooms`, which come and go; `turns`, in which addresses are next;
`reads`, in which sessions have their turns at the journal; `timers` and `endpoint`, all connections of one
transport; and `hub`, which has the rule of locks at its head.

Last, how the program that embeds a hub takes part without a socket: `program_posts`, what it posts;
`subscription`, `room_reader`, `reading` and `wakeup`, what it reads; `statistics`, what `counters` and others
have counted; `health`, whether a post can be stored; and `log_events`, what is logged.
"""
