"""A typed chat protocol without I/O: frames, wires, rooms that are logs, and the sessions of both sides.

Read in this order: `messages`, `wire`, `journal`, `room` with `member` and `tail`, `session` with
`requests`, `posting` and `questions`, `port`, `hub`; then `client` for the other end, and `transport`
for what plugs in below.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
