"""``chat server --metrics``: what a running server has counted, over HTTP, in Prometheus' format.

- `families`: every metric, with its help, and where its value comes from.
- `shared`: how the log is followed that servers share.
- `exporter`: what prometheus-client makes of them.
- `pages`: a page that is made for all who wait for it, at a bounded cost.
- `http`: the server, in a thread of its own, which nobody can hold up.
- `place`: where it may listen.
- `service`: all of it together.
"""
