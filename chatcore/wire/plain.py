"""The plain wire: lines of text, for ``nc``, ``telnet`` and socket scripts of thirty lines.

- A line in is a post to the lobby; a line out is ``NICK: text``, with the nick before every line of a text,
  so nobody can write as another. What follows the `_LINES`-th line end is one line, with a mark for each line
  end: else a text of line ends would be many times as long for every reader.
- ``/me TEXT`` is an action and comes out as ``NICK: /me TEXT``; ``/notice TEXT`` comes out as
  ``NICK (notice): TEXT``, and no nick has a space. A kind that this wire does not know is a text.
- There is no handshake: a connection is in the lobby from its start. Where everybody needs a key, it is there
  once it has said ``/login KEY``; until then anything else is answered with that. A line with ``/login`` is
  never posted, nor repeated in an answer.
- A client that never sends a newline works too: until the first newline of a connection, a short silence
  ends a line, though never inside a character.
- A first line that is a frame of the typed wire comes from a client that has the wrong address. Nothing of it
  is posted, since it may have a secret in it, and the connection ends.
- What this wire itself says begins with ``* ``, which no nick can be.
"""

import codecs
import re
import secrets
from collections.abc import Sequence
from itertools import islice
from typing import ClassVar

from pydantic import ValidationError

from chatcore.address import Peer
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import (
    PROTOCOL,
    Closing,
    DurabilityWord,
    Error,
    Found,
    Gap,
    Hello,
    Invited,
    Join,
    Left,
    Members,
    Message,
    Moderated,
    NickFrame,
    Page,
    Post,
    ServerFrame,
    Stored,
    Welcome,
    Who,
)
from chatcore.names import LOBBY, RULES
from chatcore.wire import Capabilities, Codec, Hangup, Item, Reply, Wire
from chatcore.wire.lines import LineBuffer, Recogniser, is_frame, may_become_frame
from chatcore.wire.telnet import TelnetFilter

__all__ = ["SILENCE", "Plain", "PlainCodec", "plain"]

SILENCE = 0.050
"""Seconds without a byte that end a line, as long as the peer has not shown that it sends newlines."""

_HELP = (
    b"* /me TEXT says what you do, /notice TEXT needs no answer, "
    b"/nick NAME changes your name, /who lists who is here, /quit leaves; "
    b"anything else is sent to the room\n"
)

_LOG_IN = Reply(b"* log in: /login KEY\n")

_NO_LOGIN = Reply(b"* not sent: there is no need to log in here\n")

_CHARACTER = 4
"""Bytes of the longest character (RFC 3629)."""

_LINES = 100
"""Lines of one text that are lines here. The nick before each is what a text may cost in addition."""

_LINE_END = "\u21b5"
"""What stands for a line end in the last of them: no longer than the longest line end."""

# Where input is cut: the ends of its lines, and what the telnet filter has to look at byte by byte.
_CUTS = re.compile(rb"\r\n?|\n|\xff")

# What some clients take for the end of a line, besides what no text may hold.
_LINE_ENDS = re.compile("[\n\u2028\u2029]")


def _is_fatal(item: Item) -> bool:
    return isinstance(item, Fault) and item.fatal


class PlainCodec:
    """One connection's half of the wire. Ids of posts are made here, since the peer has none."""

    __slots__ = (
        "_asks_for_key", "_has_key", "_lines", "_line_mode", "_nick", "_posted", "_prefix", "_recogniser",
        "_said", "_telnet", "deadline",
    )  # fmt: skip

    open = True  # there is no handshake

    def __init__(self, peer: Peer, line_bytes: int) -> None:
        self._nick = str(peer.port)  # unless it logs in: then the nick is its account's
        self._asks_for_key = False
        self._has_key = False
        self._lines = LineBuffer(line_bytes)
        self._line_mode = False  # set by the first newline: from then on only newlines end a line
        self._said = False  # whether there was a line that holds anything
        self._telnet = TelnetFilter()
        self._recogniser = Recogniser()
        self._prefix = secrets.token_hex(8)
        self._posted = 0
        self.deadline: float | None = None

    def opening(self, *, requires_key: bool) -> list[Item]:
        """Say hello and join the lobby for the peer, or ask it for a key."""
        self._asks_for_key = requires_key
        return [_LOG_IN] if requires_key else self._enter(None)

    def cut(self, data: bytes, lines: int) -> tuple[int, int]:
        """Return the size of so many lines or telnet commands, and their number."""
        ends = [end.end() for end in islice(_CUTS.finditer(data), lines)]
        return (ends[-1] if len(ends) == lines else len(data)), len(ends)

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        """Take bytes from the peer; a carriage return ends a line just as a newline does."""
        data = self._telnet.push(data)
        if foreign := self._recogniser.push(data):
            self._lines.close()
            self.deadline = None
            return [_wrong_port(foreign)]
        overflowed = self._lines.overflow
        lines = self._lines.push(data.replace(b"\r", b"\n"))
        overflows = self._lines.overflow and not overflowed
        self._line_mode = self._line_mode or bool(lines)
        items = self._items(lines)
        if overflows and not (items and _is_fatal(items[-1])):
            items.append(Fault("too_long", "the line is too long", fatal=True))
        self.deadline = now + SILENCE if self._may_end_by_silence() else None
        return items

    def receive_eof(self) -> list[Item]:
        """Take the last line, which need not end in a newline."""
        self.deadline = None
        rest = self._lines.take()
        return [_typed_client()] if self._may_be_frame(rest) else self._items([rest])

    def handle_deadline(self, now: float) -> list[Item]:
        """Take what came before the silence as a line, unless the rest of a frame is still to come."""
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        return [] if self._may_be_frame(self._lines.peek()) else self._items([self._lines.take()])

    def encode(self, frame: ServerFrame) -> bytes:
        """Return the lines that a frame is; most frames are none."""
        if self._has_key and isinstance(frame, Welcome):
            frame = NickFrame(nick=frame.nick)
        return plain.encode(frame)

    def encode_acks(self, room: str, durability: DurabilityWord, stored: Sequence[tuple[str, int]]) -> bytes:
        """Return nothing: whoever speaks this wire sees only what went wrong."""
        return b""

    def encode_page(self, page: Page | Found, messages: list[bytes]) -> bytes:
        """Return nothing: no peer of this wire can ask for a page."""
        return b""

    def ending(self) -> bytes:
        """Return nothing: the end of the stream is the end."""
        return b""

    def _may_end_by_silence(self) -> bool:
        rest = b"" if self._line_mode else self._lines.peek(_CHARACTER)
        return bool(rest) and not _ends_inside_a_character(rest)

    def _may_be_frame(self, rest: bytes) -> bool:
        return not self._said and may_become_frame(rest)

    def _items(self, lines: list[bytes]) -> list[Item]:
        # A telnet client ends a line with CR LF or CR NUL.
        stripped = (line.removeprefix(b"\x00") for line in lines)
        said = [line for line in stripped if line]
        if said and not self._said:
            self._said = True
            if is_frame(said[0]):
                self._lines.close()
                return [_typed_client()]
        return [item for line in said for item in self._take(line)]

    def _take(self, line: bytes) -> list[Item]:
        if self._asks_for_key:
            return self._log_in(line)
        return [_NO_LOGIN if _is_login(line) else self._item(line)]

    def _log_in(self, line: bytes) -> list[Item]:
        command, *rest = line.split() or [b""]
        if command == b"/quit":
            return [Hangup()]
        if not _is_login(line) or len(rest) != 1:
            return [_LOG_IN]
        try:
            entrance = self._enter(rest[0].decode())
        except ValueError:  # it is not text, or no key
            return [_LOG_IN]
        self._asks_for_key, self._has_key = False, True
        return entrance

    def _enter(self, key: str | None) -> list[Item]:
        return [Hello(protocol=PROTOCOL, nick=self._nick, key=key), Join(room=LOBBY)]

    def _item(self, line: bytes) -> Item:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return Fault("bad_text", "not sent: the line is not UTF-8", room=LOBBY)
        command, _, rest = text.strip().partition(" ")
        argument = rest.strip()
        match command:
            case "/quit":
                return Hangup()
            case "/who":
                return Who(room=LOBBY)
            case "/help":
                return Reply(_HELP)
            case "/nick":
                return self._rename(argument)
            case "/me" if argument:
                return self._post(argument, "action")
            case "/notice" if argument:
                return self._post(argument, "notice")
            case _:
                return self._post(text)

    def _rename(self, nick: str) -> Item:
        try:
            return NickFrame(nick=nick)
        except ValidationError:
            return Fault("bad_name", RULES["nick"])

    def _post(self, text: str, kind: str | None = None) -> Item:
        self._posted += 1
        try:
            return Post(room=LOBBY, id=f"{self._prefix}-{self._posted}", kind=kind, text=text)
        except ValidationError:
            return Fault("bad_text", "not sent: the line has control characters in it", room=LOBBY)


def _wrong_port(spoken: str, advice: str = "") -> Fault:
    return Fault("bad_frame", f"this port speaks lines of text, not {spoken}{advice}", fatal=True)


def _typed_client() -> Fault:
    return _wrong_port("JSON", "; connect to a chat:// address of this server instead")


def _is_login(line: bytes) -> bool:
    return line.lower().split(maxsplit=1)[:1] == [b"/login"]


def _said(message: Message) -> list[str]:
    """Return a message's lines, each with a prefix: nobody can write another's name at the start of one.

    Not ``* NICK`` for an action: such lines are the server's, and a nick may be a number.
    """
    prefix = f"{message.nick} (notice): " if message.kind == "notice" else f"{message.nick}: "
    said = f"/me {message.text}" if message.kind == "action" else message.text
    *lines, rest = _LINE_ENDS.split(said, maxsplit=_LINES - 1)
    return [f"{prefix}{line}" for line in (*lines, _LINE_ENDS.sub(_LINE_END, rest))]


def _ends_inside_a_character(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    decoder.decode(data)
    return bool(decoder.getstate()[0])


class Plain:
    """The plain wire, seen from a server."""

    name: ClassVar[str] = "plain"
    capabilities: ClassVar[Capabilities] = Capabilities(
        echo=False, keepalive=False, resends=False, reserves_nick=False, implied_hello=True
    )

    def codec(self, peer: Peer, limits: Limits) -> Codec:
        """Return the half of a new connection."""
        return PlainCodec(peer, limits.line_bytes)

    def encode(self, frame: ServerFrame) -> bytes:
        """Return the lines that a frame is on this wire; most frames are none."""
        match frame:
            case Message():
                lines = _said(frame)
            case Members():
                more = f" and {frame.count - len(frame.nicks)} more" if frame.more else ""
                lines = [f"* {frame.count} here: {' '.join(frame.nicks)}{more}"]
            case NickFrame():
                lines = [f"* you are now {frame.nick}"]
            case Gap():
                lines = [f"* messages are missing here ({frame.reason})"]
            case Error():
                wait = "" if frame.retry_after is None else f", try again in {frame.retry_after:.1f} s"
                lines = [f"* {frame.message} ({frame.code}){wait}"]
            case Left(reason="expelled"):
                lines = ["* you were put out of the room; to enter it again, connect again"]
            case Moderated():
                lines = [f"* you {'are muted' if frame.act == 'mute' else 'may speak again'} in this room"]
            case Invited():
                lines = ["* somebody with your account asked for an invite for one more device"]
            case Closing():
                lines = [f"* the server ends this connection ({frame.reason})"]
            case _:
                return b""
        return "".join(f"{line}\n" for line in lines).encode()

    def encode_stored(self, stored: Stored) -> bytes:
        """Return the lines that a stored message is on this wire."""
        return self.encode(stored.message)

    def join(self, messages: Sequence[bytes]) -> bytes:
        """Return the lines, one after the other."""
        return b"".join(messages)

    def trusts(self, peer: Peer) -> bool:
        """Tell that nobody speaks for others."""
        return False


plain = Plain()
_: type[Wire] = Plain
