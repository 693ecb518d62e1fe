"""A port for browsers before its socket is open: which request gets which answer, however it was split."""

import gzip
import random
from collections.abc import Iterator
from functools import partial

import pytest

from chatcore.address import Peer
from chatcore.errors import UsageError
from chatcore.limits import Limits
from chatcore.messages import Closing, Error, Ping
from chatcore.site import Site
from chatcore.wire import Codec, Hangup, Item, Moved, Reply
from chatcore.wire.http import HEAD_BYTES
from chatcore.wire.websocket import KEPT_BYTES, KEPT_IN_ALL, KEPT_SECONDS, WebSocket
from tests.rows import HEADS
from tests.wire.websocket import request, text

PAGE = b"<!doctype html>" + b"<p>chat</p>" * 50
SITE = Site.of(
    {"index.html": PAGE, "icon.svg": b"<svg/>", "app.js": b"x", "icon.png": b"\x89PNG" * 50},
    live={"now.json": lambda: b"{}"},
    hosts=["Chat.Example"],
    origins=["https://other.example", "http://[::1]:8080"],
    proxies=["127.0.0.1", "10.0.0.0/8"],
)
LIMITS = Limits()
STRANGER = Peer("192.0.2.7", 4711)
PROXY = Peer("127.0.0.1", 4711)


def codec(peer: Peer = STRANGER, site: Site = SITE) -> Codec:
    """Return the half of a new connection."""
    return WebSocket(site).codec(peer, LIMITS)


def get(path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    """Return the head of a request for a file."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def items_of(*segments: bytes, peer: Peer = STRANGER, site: Site = SITE) -> list[Item]:
    """Return what a new connection makes of bytes, and of their end."""
    half = codec(peer, site)
    return [item for segment in segments for item in half.receive_data(segment, 0.0)] + half.receive_eof()


def items_in_turns(*segments: bytes, peer: Peer) -> list[Item]:
    """Return the same where each segment is decoded turn by turn."""
    half, items = codec(peer), list[Item]()
    for rest in segments:
        while rest:
            size, _ = half.cut(rest, 8)
            assert size > 0
            items += half.receive_data(rest[:size], 0.0)
            rest = rest[size:]
    return items + half.receive_eof()


def answer_to(head: bytes, site: Site = SITE) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body of the answer to a request that is not for the socket."""
    reply, hangup = items_of(head, site=site)
    assert isinstance(reply, Reply)
    assert hangup == Hangup()
    return parsed(reply.data)


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    assert status.startswith("HTTP/1.1 ")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(headers) == len(lines)
    return int(status.split()[1]), headers, body


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/?a=/b", "/index.html", "/team/chat/", "//", "/../index.html?q"])
def test_the_last_part_of_any_path_names_a_file(path: str) -> None:
    status, headers, body = answer_to(get(path))
    assert (status, body) == (200, PAGE)
    assert headers["Content-Length"] == str(len(PAGE))
    assert headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("name", ["", "icon.svg"])
def test_a_document_comes_under_strict_rules_for_the_browser(name: str) -> None:
    _, headers, _ = answer_to(get(f"/{name}"))
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "worker-src 'none'"} <= set(
        policy
    )
    assert {"require-trusted-types-for 'script'", "trusted-types 'none'", "frame-ancestors 'none'"} <= set(
        policy
    )
    assert not any("unsafe" in each or "*" in each for each in policy)
    assert {name: headers[name] for name in (RULES | OF_DOCUMENTS)} == RULES | OF_DOCUMENTS


def test_a_document_may_open_sockets_at_each_node_and_pages_of_each_may_open_them_here() -> None:
    nodes = ["https://A.example", "https://b.example:443/team/", "http://c.example:8024/Chat/"]
    site = Site.of({"index.html": PAGE}, nodes=[*nodes, "https://a.example/"])
    policy = answer_to(get("/"), site=site)[1]["Content-Security-Policy"].split("; ")
    assert [each for each in policy if each.startswith("connect-src")] == [
        "connect-src 'self' wss://a.example wss://b.example ws://c.example:8024"
    ]
    for origin in ("https://a.example", "https://b.example", "http://c.example:8024"):
        host = origin.partition("://")[2]
        assert site.knows_origin(origin, "here.example")
        assert site.knows_host(host)
    for other in ("http://a.example", "https://b.example:8443", "https://c.example:8024"):
        assert not site.knows_origin(other, "here.example")
    assert not site.knows_host("d.example")


@pytest.mark.parametrize(
    "node",
    [
        "b.example",
        "ftp://b.example",
        "https://b.example/team",
        "https://b.example/?a",
        "https://b.example/; script-src *",
        "https://b.example:8024 *",
        'https://b.example/"/',
        "https://[::1]:8024",
        "https://*.example",
        "https://",
    ],
)
def test_what_is_no_address_of_a_page_is_not_a_node(node: str) -> None:
    with pytest.raises(UsageError, match="is not where a page can be served; write https://HOST"):
        Site.of(nodes=[node])


@pytest.mark.parametrize("name", ["app.js", "icon.png", "now.json"])
def test_what_is_no_document_has_only_the_rules_that_concern_it(name: str) -> None:
    _, headers, _ = answer_to(get(f"/{name}"))
    assert {name: headers[name] for name in RULES} == RULES
    assert not headers.keys() & {"Content-Security-Policy", *OF_DOCUMENTS}


def test_a_document_that_the_browser_has_keeps_its_rules() -> None:
    tag = answer_to(get("/"))[1]["ETag"]
    status, headers, _ = answer_to(get("/", f"If-None-Match: {tag}"))
    assert status == 304
    assert headers["Content-Security-Policy"] == answer_to(get("/"))[1]["Content-Security-Policy"]


RULES = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
OF_DOCUMENTS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def test_head_gets_the_headers_of_get_and_no_body() -> None:
    status, headers, body = answer_to(get("/", method="HEAD"))
    assert (status, headers, body) == (200, answer_to(get("/"))[1], b"")


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP", "*"])
def test_a_browser_that_takes_gzip_gets_less(accepted: str) -> None:
    _, headers, body = answer_to(get("/", f"Accept-Encoding: {accepted}"))
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) < len(PAGE)
    assert gzip.decompress(body) == PAGE
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"])
def test_a_browser_that_does_not_gets_it_as_it_is(accepted: str) -> None:
    _, headers, body = answer_to(get("/", f"Accept-Encoding: {accepted}"))
    assert "Content-Encoding" not in headers
    assert body == PAGE


@pytest.mark.parametrize("name", ["app.js", "icon.png"])
def test_what_compressing_does_not_make_smaller_is_sent_as_it_is(name: str) -> None:
    assert "Content-Encoding" not in answer_to(get(f"/{name}", "Accept-Encoding: gzip"))[1]


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_a_browser_that_has_a_file_is_told_so(form: str, encoding: str) -> None:
    tag = answer_to(get("/", f"Accept-Encoding: {encoding}"))[1]["ETag"]
    status, headers, body = answer_to(get("/", f"If-None-Match: {form.format(tag)}"))
    assert (status, body) == (304, b"")
    assert "Content-Length" not in headers
    assert answer_to(get("/app.js", f"If-None-Match: {tag}"))[0] == 200


def test_without_a_page_there_is_nothing_but_the_socket() -> None:
    assert answer_to(get("/"), site=Site())[0] == 404


def test_a_live_file_is_made_each_time_and_hides_one_of_its_name() -> None:
    contents = iter([b'{"n": 1}', b'{"n": 2}', b'{"n": 2}'])
    site = Site.of({"now.json": b"{}"}, live={"now.json": lambda: next(contents)})
    first, second = (answer_to(get("/any/now.json"), site=site) for _ in range(2))
    assert [body for _, _, body in (first, second)] == [b'{"n": 1}', b'{"n": 2}']
    assert first[1]["Content-Type"] == "application/json"
    assert answer_to(get("/now.json", f"If-None-Match: {second[1]['ETag']}"), site=site)[0] == 304


# --- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "another method": (405, get("/", method="POST")),
    "a socket by another method": (405, request(method="HEAD")),
    "an unknown file": (404, get("/nothing")),
    "no upgrade": (426, get("/ws")),
    "an old version": (505, request().replace(b"HTTP/1.1", b"HTTP/1.0")),
    "an unknown version": (400, get("/").replace(b"HTTP/1.1", b"HTTP/3")),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, get("/", "Host: 127.0.0.1")),
    "two origins": (400, request("Origin: http://127.0.0.1:8024", "Origin: http://127.0.0.1:8024")),
    "two keys": (400, request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
    "a key that is short": (400, request().replace(b"dGhl", b"")),
    "another version of WebSocket": (400, request().replace(b"Version: 13", b"Version: 12")),
    "another subprotocol": (400, request("Sec-WebSocket-Protocol: chat, mqtt")),
    "a body": (400, get("/", "Content-Length: 1")),
    "a body in chunks": (400, get("/", "Transfer-Encoding: chunked")),
    "a whole address": (400, get("http://127.0.0.1/")),
    "a space before a colon": (400, get("/", "A : b")),
    "a folded header": (400, get("/", "A: b\r\n c")),
    "a bare line feed": (400, b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n"),
    "a control character": (400, get("/", "A: \x00")),
    "many headers": (431, get("/", *["A: b"] * 200)),
    "a long head": (431, get("/", "A: " + "b" * HEAD_BYTES)),
    "a frame of a chat client": (400, b'{"type":"hello","protocol":1,"nick":"ada"}\n'),
    "TLS": (400, b"\x16\x03\x01\x00\xf4\x01"),
    "a foreign page": (403, request("Origin: https://evil.example")),
    "a file": (403, request("Origin: null")),
    "an origin of another port": (403, request("Origin: http://127.0.0.1:9000")),
    "an origin that begins like ours": (403, request("Origin: http://127.0.0.1:8024.evil.example")),
    "a name that points here": (421, get("/", host="evil.example")),
    "a name that begins like an address": (421, get("/", host="127.0.0.1.evil.example")),
    "a name that ends like ours": (421, get("/", host="evilchat.example:80")),
    "no name": (421, get("/", host="")),
    "a name and a user": (421, get("/", host="a@127.0.0.1")),
    "a socket under a name that points here": (421, request(host="evil.example")),
}


@pytest.mark.parametrize("why", REFUSED)
def test_each_request_that_is_refused_gets_its_status(why: str) -> None:
    status, head = REFUSED[why]
    answer = answer_to(head)
    assert answer[0] == status
    assert answer[1]["Connection"] == "close"
    assert answer[1]["Content-Type"] == "text/plain; charset=utf-8"
    assert answer[2].endswith(b"\n")


@pytest.mark.parametrize("why", REFUSED)
def test_a_request_gets_the_same_answer_byte_by_byte(why: str) -> None:
    head = REFUSED[why][1]
    assert items_of(*(head[n : n + 1] for n in range(len(head)))) == items_of(head)


def test_a_head_may_have_as_many_bytes_as_promised_and_no_more() -> None:
    head = get("/", "A: ")
    longest = head[:-4] + b"b" * (HEAD_BYTES - len(head)) + head[-4:]
    assert answer_to(longest)[0] == 200
    assert answer_to(longest.replace(b"bb", b"bbb", 1))[0] == 431


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8024", "[::1]:80", "[::ffff:10.0.0.1]", "LOCALHOST", "a.localhost:1", "chat.example."]
)
def test_addresses_names_of_this_machine_and_those_that_were_given_are_hosts(host: str) -> None:
    assert answer_to(get("/", host=host))[0] == 200


ORIGINS = ["http://127.0.0.1:8024", "https://127.0.0.1:8024", "https://Other.example", "http://[::1]:8080"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_this_server_or_of_a_known_origin_may_connect(origin: str) -> None:
    assert opened(request(f"Origin: {origin}"))


# --- one request after the other -----------------------------------------------------------------


def files_of(items: list[Item]) -> list[tuple[int, bytes]]:
    return [parsed(item.data)[::2] for item in items if isinstance(item, Reply)]


def test_a_connection_may_ask_for_one_file_after_the_other_and_then_for_the_socket() -> None:
    asked = get("/app.js") + get("/icon.svg", "If-None-Match: *", method="HEAD")
    items = items_of(asked + request() + text(b'{"type":"ping"}'))
    assert [type(item) for item in items] == [Reply, Reply, Reply, Ping, Hangup]
    assert [status for status, _ in files_of(items)] == [200, 304, 101]
    assert items[-1] == Hangup(lost=True)
    assert items == items_in_turns(asked + request() + text(b'{"type":"ping"}'), peer=STRANGER)


def test_an_answer_that_others_may_follow_does_not_say_that_it_is_the_last() -> None:
    items = items_of(get("/app.js"), get("/missing"), get("/app.js"))
    assert [parsed(item.data)[1].get("Connection") for item in items if isinstance(item, Reply)] == [
        None,
        "close",
    ]
    assert items[-1] == Hangup()


@pytest.mark.parametrize(
    ("head", "peer"),
    [
        (get("/app.js", "Connection: close"), STRANGER),
        (get("/app.js", "Connection: TE", "Connection: Close"), STRANGER),
        (get("/app.js").replace(b"1.1", b"1.0"), STRANGER),
        (get("/app.js", "X-Forwarded-For: 198.51.100.1"), PROXY),
    ],
    ids=["asked-to", "among-others", "http-1.0", "proxy"],
)
def test_the_first_answer_is_the_last(head: bytes, peer: Peer) -> None:
    half = codec(peer)
    *_, reply, hangup = half.receive_data(head + get("/"), 0.0)
    assert isinstance(reply, Reply)
    assert parsed(reply.data)[1]["Connection"] == "close"
    assert hangup == Hangup()
    assert half.receive_data(get("/"), 0.0) == []


def test_a_connection_without_another_request_ends_soon_and_without_a_word() -> None:
    half = codec()
    half.receive_data(get("/"), 10.0)
    assert half.handle_deadline(9.9 + KEPT_SECONDS) == []
    half.receive_data(get("/"), 11.0)
    assert half.deadline == 11.0 + KEPT_SECONDS
    assert half.handle_deadline(11.0 + KEPT_SECONDS) == [Hangup()]
    assert half.receive_data(get("/"), 14.0) == half.receive_eof() == []


def test_a_peer_that_asks_without_reading_costs_a_bounded_memory() -> None:
    items = codec().receive_data(get("/") * 1_000, 0.0)
    assert items[-1] == Hangup()
    assert (
        sum(len(item.data) for item in items if isinstance(item, Reply)) < KEPT_BYTES + 2 * len(PAGE) + 2_000
    )


def test_a_connection_is_not_kept_for_ever() -> None:
    half = codec()
    seconds = [0.0, KEPT_IN_ALL - 0.1, KEPT_IN_ALL]
    items = [item for now in seconds for item in half.receive_data(get("/"), now)]
    assert [type(item) for item in items] == [Reply, Reply, Reply, Hangup]
    assert half.deadline is None


@pytest.mark.parametrize("lines", [1, 2, 100])
@pytest.mark.parametrize("first", [b"", get("/app.js")], ids=["first", "second"])
def test_empty_lines_before_a_request_are_ignored(first: bytes, lines: int) -> None:
    stream = first + b"\r\n" * lines + get("/icon.svg")
    items = items_of(stream)
    assert items == items_of(first + get("/icon.svg"))
    assert items == items_of(*(stream[n : n + 1] for n in range(len(stream))))
    assert items == items_in_turns(stream, peer=STRANGER)


@pytest.mark.parametrize(
    ("junk", "status"),
    [(b"\n", 400), (b"\r\r\n", 400), (b"\r\n\n", 400), (b"\r\n ", 400), (b"\r\n" * (HEAD_BYTES // 2), 431)],
    ids=["a bare newline", "a bare return", "a bare newline after one", "a space", "too many"],
)
def test_other_than_empty_lines_before_a_request_is_refused(junk: bytes, status: int) -> None:
    stream = junk + get("/")
    items = items_of(stream)
    assert [status for status, _ in files_of(items)] == [status]
    assert items == items_of(*(stream[n : n + 1] for n in range(len(stream))))


def test_empty_lines_count_as_bytes_of_the_head() -> None:
    room = HEAD_BYTES - len(get("/"))
    assert files_of(items_of(b"\r\n" * (room // 2) + get("/")))[0][0] == 200
    assert files_of(items_of(b"\r\n" * (room // 2 + 1) + get("/")))[0][0] == 431


def test_an_empty_line_is_no_request_and_keeps_no_connection() -> None:
    half = codec()
    half.receive_data(get("/") + b"\r\n", 10.0)
    assert half.receive_data(b"\r\n\r", 11.0) == []
    assert half.handle_deadline(10.0 + KEPT_SECONDS) == [Hangup()]


# --- the socket ----------------------------------------------------------------------------------


def opened(head: bytes) -> str:
    """Return the answer to a request that opens the socket."""
    half = codec()
    (reply,) = half.receive_data(head, 0.0)
    assert half.open
    assert isinstance(reply, Reply)
    return reply.data.decode()


def test_a_socket_is_opened_with_the_answer_of_the_rfc() -> None:
    answer = opened(request(path="/some/prefix/ws?x=1"))
    assert answer.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert "Sec-WebSocket-Protocol" not in answer


def test_our_subprotocol_is_chosen_and_no_extension_ever() -> None:
    answer = opened(
        request("Sec-WebSocket-Protocol: other, chatcore.v1", "Sec-WebSocket-Extensions: permessage-deflate")
    )
    assert "\r\nSec-WebSocket-Protocol: chatcore.v1\r\n" in answer
    assert "Extensions" not in answer


def test_frames_may_come_right_after_the_head() -> None:
    items = items_of(request() + text(b'{"type":"ping"}'))
    assert [type(item) for item in items] == [Reply, Ping, Hangup]


# --- a proxy -------------------------------------------------------------------------------------

FORWARDED = {
    "one": (["198.51.100.1"], "198.51.100.1"),
    "what it was told comes first": (["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
    "a chain of ours": (["198.51.100.1, 10.1.2.3", "127.0.0.1"], "198.51.100.1"),
    "of IPv6": (["2001:db8::1"], "2001:db8::1"),
    "IPv4-mapped": (["::ffff:198.51.100.1"], "198.51.100.1"),
    "with a port": (["198.51.100.1:4711, 10.1.2.3:1"], "198.51.100.1"),
    "of IPv6 with a port": (["[2001:db8::1]:99"], "2001:db8::1"),
    "ours alone": (["10.1.2.3"], None),
    "nonsense": (["198.51.100.1, unknown"], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize("case", FORWARDED)
def test_a_proxy_that_is_trusted_says_for_whom_it_speaks(case: str) -> None:
    values, address = FORWARDED[case]
    head = request(*(f"X-Forwarded-For: {value}" for value in values))
    moved = [item for item in items_of(head, peer=PROXY) if isinstance(item, Moved)]
    assert moved == ([] if address is None else [Moved(Peer(address, PROXY.port))])
    assert not any(isinstance(item, Moved) for item in items_of(head, peer=STRANGER))


def test_only_a_proxy_that_is_given_is_trusted() -> None:
    assert WebSocket(SITE).trusts(PROXY)
    assert WebSocket(SITE).trusts(Peer("10.9.9.9", 1))
    assert not WebSocket(SITE).trusts(STRANGER)
    assert not WebSocket(Site()).trusts(PROXY)


# --- refused by the server -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        (Error(code="limit_exceeded", message="the server is full"), 503),
        (Error(code="unavailable", message="the server is closing"), 503),
        (Closing(reason="timeout"), 408),
        (Error(code="bad_state", message="no hello came in time"), 408),
        (Closing(reason="drain"), 503),
        (Ping(), None),
    ],
)
def test_what_a_server_says_before_the_socket_is_open_is_a_status(
    frame: Error | Closing | Ping, status: int | None
) -> None:
    half = codec()
    half.receive_data(request()[:40], 0.0)
    data = half.encode(frame)
    assert (parsed(data)[0] if data else None) == status
    assert half.ending() == b""


@pytest.mark.parametrize("head", [get("/", "Connection: close"), get("/")])
def test_there_is_no_answer_to_what_was_not_asked(head: bytes) -> None:
    half = codec()
    assert isinstance(half.receive_data(head, 0.0)[0], Reply)
    assert half.encode(Closing(reason="drain")) == half.encode(Error(code="unavailable", message="")) == b""
    assert half.receive_data(get("/"), 0.0) == half.receive_eof() == []


# --- anything ------------------------------------------------------------------------------------

_LINES = [
    b"Host: 127.0.0.1",
    b"Host: evil.example",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Connection: keep-alive, Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Protocol: chatcore.v1",
    b"Origin: http://127.0.0.1",
    b"X-Forwarded-For: 198.51.100.1, 10.0.0.1",
    b"Accept-Encoding: gzip",
    b"If-None-Match: *",
    b"Content-Length: 0",
]
_FIRST = (b"GET /ws HTTP/1.1", b"GET / HTTP/1.1", b"HEAD /app.js HTTP/1.1")
_DAMAGES = (0, 1, 1, 2, 8)
_PIECES = [b"\r\n", b"\n", b"\r", b" ", b":", b",", b"\x00", b"\xff", b"/", b'"', b"\r\n\r\n", b"a" * 3_000]


def heads(count: int) -> Iterator[tuple[random.Random, bytes]]:
    """Yield so many heads, most of them damaged, most with bytes after them."""
    chance = random.Random(count)
    lines, below = [*_LINES], partial(_below, chance)
    for number in range(count):
        if not number % 50:
            chance.shuffle(lines)
        chosen = chance.getrandbits(len(lines)) | (chance.getrandbits(len(lines)) if number % 2 else 0)
        some = [line for index, line in enumerate(lines) if chosen >> index & 1]
        head = bytearray(b"\r\n".join([_FIRST[number % 3], *some, b"\r\n"]))
        for _ in range(_DAMAGES[below(len(_DAMAGES))]):
            at = below(len(head))
            head[at : at + below(3)] = _PIECES[below(len(_PIECES))] if below(8) else bytes([below(256)])
        more = (b"", b"\r\n", b"\r\n\r\n", b"\r\n" + get("/app.js"))[below(4)]
        yield chance, b"\r\n" * below(3) + bytes(head) + more + chance.randbytes(below(20))


def _below(chance: random.Random, number: int) -> int:
    """Return a number from 0, for a fifth of what ``randrange`` takes."""
    return int(chance.random() * number)


def test_any_head_gets_an_answer_and_the_same_however_it_is_split() -> None:
    statuses = set[int]()
    for chance, head in heads(HEADS):
        whole = items_of(head, peer=PROXY)
        cuts = sorted(_below(chance, len(head) + 1) for _ in range(_below(chance, 5)))
        segments = [head[start:end] for start, end in zip([0, *cuts], [*cuts, len(head)], strict=True)]
        assert items_in_turns(*segments, peer=PROXY) == whole, head
        statuses |= {parsed(item.data)[0] for item in whole[:2] if isinstance(item, Reply)}
    assert statuses >= {101, 200, 304, 400, 421, 426, 431}
