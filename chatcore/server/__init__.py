"""The server, without I/O: what one hub does for its connections.

One rule holds for all of it: *state is written by its owner only*. Nobody assigns another object's attribute;
whoever wants something changed asks the object that has the verb for it.

Read it in this order. The log and its readers: `tail`, `member` with `pages`, and `room` with `presence`.
Then one connection: `session`, whose states are a table; `handlers`, the table of what each frame does and
costs; `posts` and `queries`, which own what a client sent and asked; and its small parts `replies`,
`liveness` and `rate_limit`. Then everyone together: `directory`, who has which nick; `timers` and
`endpoint`, all connections of one transport; and `hub`, which has the rule of locks at its head.
"""
