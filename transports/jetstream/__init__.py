"""A log in a stream of NATS JetStream: `JetStreamLog`, for servers that share their messages.

- `stream`: how the stream has to be, and whether one that is there is so.
- `link`: one connection to one server, and `credentials`, what it shows of us.
- `sequence`: entries that come in any order, and which one is missing.
- `fetching`: entries that are asked for; `asking`: how far the stream goes, for whoever wants to know.
- `monitor`: what only the page of a server for monitoring says, such as whether it syncs always.
- `syncing`: that question, asked again and again.
- `log`: what puts that together in a loop in a thread of its own.
- `looking`: a look at all of it, for whoever runs it.
- `members`: the removal of a server that is gone.
- `log_events`: what it logs.

This takes nats-py (``chatcore[cluster]``). Of JetStream it uses as little as it can: entries are published
and forgotten, read from what the stream repeats once they are stored, and asked for where one is missing.
There are no consumers.
"""

from transports.jetstream.credentials import Credentials, read_credentials
from transports.jetstream.link import Servers
from transports.jetstream.log import JetStreamLog
from transports.jetstream.looking import Look, ServerLook, last_entries, look, look_at
from transports.jetstream.members import MemberKept, remove_member
from transports.jetstream.monitor import MonitorPage
from transports.jetstream.stream import Stream, StreamState

__all__ = [
    "Credentials",
    "JetStreamLog",
    "Look",
    "MemberKept",
    "MonitorPage",
    "ServerLook",
    "Servers",
    "Stream",
    "StreamState",
    "last_entries",
    "look",
    "look_at",
    "read_credentials",
    "remove_member",
]
