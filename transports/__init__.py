"""Interchangeable transports: what moves bytes between sockets and sessions, in both directions.

There is one package for each way to do I/O, with the same files in each: ``server`` is found by its entry
point and serves a hub, ``listeners`` is what it accepts from, ``client`` is what users of the library connect
with, ``dialing`` does that, and ``connection`` drives it from then on.
A program chooses one by its import, and may use several::

    from transports.asyncio_tcp import connect, serve  # or transports.threaded_tcp

- `sockets`: what all of them ask of their sockets, and the bounds that they share.
- `listening`: what an address to listen at stands for.
- `web`: the files of the page for browsers.
- `acceptor`: how connections are accepted, and what happens when the system has no room for more.
- `waiting`: those that are accepted and opened later, since many come from their address.
- `tls`: TLS without I/O, for both sides of a connection.
- `certificates`: what a server shows there. This module is public.
- `pulse`: how late a loop or a pump is.
- `pins`: what clients know a self-made certificate by.
- `nodes`: all addresses that a client has for its server, and which is the current one.
- `destination`: where a client connects, and what must be true there before it says who it is.
- `trust`: why a client believes that a server is the one that it wants.
- `handshake`: what comes before a client's first frame, until the server is trusted.
- `log_events`: what the servers log.
- `asyncio_tcp`: one event loop for all connections.
- `threaded_tcp`: threads and blocking calls.
- `jetstream`: no transport, but a log that servers share, which another program has.

Transports know neither frames nor rooms. Of the core they see `chatcore.transport`, whose docstrings say
what a server owes its sessions, `chatcore.client` in the same way for clients, and the public names of
`chatcore`. What two transports would share goes down into the core, and code is never copied from one to
the other. A test compares the two clients, name by name.
"""
