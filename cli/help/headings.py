"""The headings of options that belong together."""

__all__ = [
    "BROWSERS",
    "CERTIFICATE",
    "FORGETTING",
    "IN_A_PIPE",
    "IN_A_TERMINAL",
    "LISTENING",
    "MESSAGES",
    "PEOPLE",
    "ROOMS",
    "SERVER_AND_YOU",
    "WATCHING",
]

SERVER_AND_YOU = "Server and you"
"""Where the server is, who you are there, and why each believes the other."""

# of `chat server`
LISTENING = "Listening"
CERTIFICATE = "Certificate"
BROWSERS = "Browsers"
MESSAGES = "Messages"
PEOPLE = "People"
WATCHING = "Watching"

# of `chat client`
ROOMS = "Rooms"
IN_A_PIPE = "In a pipe"
IN_A_TERMINAL = "In a terminal"
FORGETTING = "Forgetting"
