"""The typed protocol as the tests state it: by hand from ``docs/protocol.md``, without the product's code.

So a mistake in the product's own models, codec or client cannot hide itself. `frames` has every frame,
`codec` how it looks on the line, and `reader` is the one peer of the tests: bytes in, frames out, and the law
of reading asserted on the way. How bytes reach it is an adapter's business: `tests.server.driver` at the
seam, `tests.transports.peers` over sockets, `tests.simulation.client` in virtual time.

The second, independent statement of the same law is `tests.faults.checker`, which judges afterwards what was
read, against what every other reader saw and what the journal holds.
"""
