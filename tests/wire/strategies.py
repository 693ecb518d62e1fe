"""Strategies for the frames that peers send, and for bytes that they may send instead."""

from datetime import UTC
from itertools import pairwise
from typing import get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chatcore import messages
from chatcore.errors import ERROR_CODES
from chatcore.fields import SEQ_MAX
from chatcore.limits import ClientLimits
from chatcore.messages import ClientFrame, ServerFrame

__all__ = ["client_frame", "noise", "server_frame", "split", "text"]

_NAME_CHARS = "abcXYZ019._-"
_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]

nick = st.text(_NAME_CHARS, min_size=1, max_size=32)
room = st.text(_NAME_CHARS, min_size=1, max_size=64)
# A list, since what Hypothesis knows of categories takes it more than a second to work out, once a machine.
_CHARS = [chr(n) for n in (9, 10, *range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x2000, 0x2070))]
_CHARS += [chr(n) for n in range(0x250, 0x110000, 1_000) if not 0xD800 <= n < 0xE000] + [
    "\ufeff",
    "\U0010ffff",
]
text = st.text(st.sampled_from(_CHARS), min_size=1)
query = st.text(st.sampled_from([char for char in _CHARS if char not in "\t\n"]), min_size=1, max_size=256)
token = st.text(_PRINTABLE, min_size=1, max_size=64)
cursor = st.text(_PRINTABLE, min_size=1, max_size=128)
label = st.text(_PRINTABLE, max_size=128)
epoch = st.text(_PRINTABLE[1:], min_size=1, max_size=64)
secret = st.text(_PRINTABLE[1:], min_size=1, max_size=128)
seq = st.integers(0, SEQ_MAX)
seconds = st.none() | st.floats(0, 1e9)
at = st.datetimes(timezones=st.just(UTC))
kind = st.sampled_from([None, "action", "notice", "x.poll", "edit"]) | st.from_regex(
    r"\A[a-z][a-z0-9.-]{0,31}\Z"
).filter(lambda word: word != "text")
target = st.none() | st.integers(1, SEQ_MAX)

message = st.builds(
    messages.Message,
    room=room,
    seq=seq,
    prev=seq,
    id=token,
    nick=nick,
    kind=kind,
    target=target,
    text=text,
    at=at,
)
position = st.builds(messages.Position, epoch=epoch, seq=seq)
page_gap = st.builds(
    messages.PageGap, after=seq, through=seq, reason=st.sampled_from(["expired", "damaged", "unknown"])
)
room_entry = st.builds(
    messages.RoomEntry,
    room=room,
    count=seq,
    head=seq,
    at=st.none() | at,
    private=st.sampled_from([None, True]),
)

act = st.sampled_from(get_args(messages.Act))

either: list[SearchStrategy[messages.NickFrame | messages.Ping | messages.Pong]] = [
    st.builds(messages.NickFrame, nick=nick, token=st.none() | token),
    st.builds(messages.Ping, token=st.none() | token),
    st.builds(messages.Pong, token=st.none() | token),
]

client_frame: SearchStrategy[ClientFrame] = st.one_of(
    *either,
    st.builds(
        messages.Hello,
        protocol=seq,
        nick=nick,
        client=st.none() | label,
        session=st.none() | secret,
        key=st.none() | st.text(_PRINTABLE[1:], min_size=43, max_size=4096),
        invite=st.none() | secret,
    ),
    st.builds(messages.Join, room=room, after=st.none() | position, history=st.none() | seq),
    st.builds(messages.Leave, room=room),
    st.builds(messages.Post, room=room, id=token, kind=kind, target=target, text=text),
    st.builds(
        messages.History,
        room=room,
        before=st.none() | seq,
        after=st.none() | seq,
        before_at=st.none() | at,
        after_at=st.none() | at,
        limit=st.none() | st.integers(1, SEQ_MAX),
        epoch=st.none() | epoch,
        token=st.none() | token,
    ),
    st.builds(messages.Who, room=room, after=st.none() | nick),
    st.builds(
        messages.Rooms,
        after=st.none() | room,
        prefix=st.none() | room,
        limit=st.none() | st.integers(1, SEQ_MAX),
        token=st.none() | token,
    ),
    st.builds(
        messages.Search,
        query=st.none() | query,
        nick=st.none() | nick,
        room=st.none() | room,
        after=st.none() | seq,
        before=st.none() | seq,
        after_at=st.none() | at,
        before_at=st.none() | at,
        limit=st.none() | st.integers(1, 100),
        cursor=st.none() | cursor,
        token=st.none() | token,
    ),
    st.builds(
        messages.Moderate,
        act=act,
        room=st.none() | room,
        nick=st.none() | nick,
        seconds=st.none() | st.just(90.5),
        reason=st.none() | label,
        token=st.none() | token,
    ),
    st.builds(messages.Invite, token=st.none() | token),
    st.builds(messages.Forget, token=st.none() | token),
)

server_frame: SearchStrategy[ServerFrame] = st.one_of(
    *either,
    st.builds(
        messages.Welcome,
        protocol=st.integers(1, SEQ_MAX),
        server=label,
        session=secret,
        nick=nick,
        account=st.none() | nick,
        role=st.none() | label,
        limits=st.builds(
            ClientLimits, line_bytes=st.none() | st.integers(1), idle_seconds=st.none() | st.just(2.5)
        ),
    ),
    st.builds(messages.Joined, room=room, epoch=epoch, head=seq, after=seq, count=seq),
    message,
    st.builds(
        messages.Ack,
        room=room,
        id=token,
        seq=seq,
        durability=st.sampled_from(["memory", "written", "synced", "replicated", "unknown"]),
    ),
    st.builds(
        messages.Gap,
        room=room,
        after=seq,
        through=seq,
        reason=st.sampled_from(["expired", "reset", "damaged", "skipped", "unknown"]),
        count=st.none() | seq,
    ),
    st.builds(
        messages.Page,
        room=room,
        epoch=epoch,
        base=seq,
        more=st.booleans(),
        token=st.none() | token,
        gaps=st.none() | st.lists(page_gap, min_size=1, max_size=2).map(tuple),
        messages=st.lists(message, max_size=3).map(tuple),
    ),
    st.builds(
        messages.Presence,
        room=room,
        joined=st.lists(nick, max_size=2).map(tuple),
        left=st.lists(nick, max_size=2).map(tuple),
        renamed=st.lists(st.builds(messages.Renamed, old=nick, new=nick), max_size=2).map(tuple),
        count=seq,
        more=st.booleans(),
    ),
    st.builds(
        messages.Members,
        room=room,
        nicks=st.lists(nick, max_size=3).map(tuple),
        count=seq,
        more=st.booleans(),
    ),
    st.builds(
        messages.RoomList,
        rooms=st.lists(room_entry, max_size=3).map(tuple),
        more=st.booleans(),
        token=st.none() | token,
    ),
    st.builds(
        messages.Found,
        room=st.none() | room,
        cursor=st.none() | cursor,
        token=st.none() | token,
        messages=st.lists(message, max_size=2).map(tuple),
    ),
    st.builds(
        messages.Moderated, act=act, room=st.none() | room, nick=st.none() | nick, token=st.none() | token
    ),
    st.builds(
        messages.Invited,
        invite=st.none() | secret,
        links=st.none() | st.lists(st.just("chats://chat.example.org/#abc"), max_size=2).map(tuple),
        seconds=st.none() | st.just(600.0),
        token=st.none() | token,
    ),
    st.builds(messages.Left, room=room, reason=st.sampled_from([None, "expelled", "unknown"])),
    st.builds(
        messages.Error,
        code=st.sampled_from(ERROR_CODES),
        message=st.text(_PRINTABLE, max_size=512),
        room=st.none() | room,
        id=st.none() | token,
        retry_after=seconds,
    ),
    st.builds(
        messages.Closing,
        reason=st.sampled_from([*get_args(messages.ClosingWord), "unknown"]),
        reconnect_after=seconds,
    ),
)

# Parts of streams, valid and invalid on either wire.
_SCRAPS = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\r\r\n",
    b"\r\x00",
    b"\x00",
    b'{"type":"ping"}',
    b'{"type":"ping","token":"a"}\n',
    b'{"type":"post","room":"Lobby","id":"1","text":"hi"}\n',
    b'{"type":"post","room":"Lobby","id":"2","kind":"action","text":"waves"}\n',
    b'{"type":"rooms"}\n',
    b'{"type":"nobody"}\n',
    b"{}\n",
    b"[]\n",
    b"/who",
    b"/nick ana\n",
    b"/me waves\n",
    b"hello",
    b"\xc3\xa9",
    b"\xc3",
    b"\xf0\x9f\x98",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xff\xff",
    b"\xff\xfb\x01",
    b"\xff\xfd\n",
    b"\xff\xfa\x1f\x00\x0a\x00\x0d\xff\xf0",
    b"\xff\xf4",
    b"\x16\x03\x01\x02\x00\x01",
    b"GET / HTTP/1.1\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\n",
    b"SSH-2.0-x\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11",
    b"x" * 700,
    b" " * 400,
]

noise: SearchStrategy[bytes] = st.lists(st.sampled_from(_SCRAPS) | st.binary(max_size=12), max_size=8).map(
    b"".join
)


@st.composite
def split(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut bytes into segments in any way, including single bytes and the whole."""
    if draw(st.booleans()):
        return [data[n : n + 1] for n in range(len(data))]
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    edges = [0, *cuts, len(data)]
    return [data[first:end] for first, end in pairwise(edges)]
