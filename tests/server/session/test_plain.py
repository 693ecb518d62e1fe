"""Plain members in the same room as typed ones."""

from chatcore.wire.plain import plain
from tests.protocol.frames import History, Message, Page, Presence
from tests.server.driver import Host, Peer


def plain_member(host: Host, port: int = 4711) -> Peer:
    """Open a plain connection from a port."""
    return host.connect(plain, port=port)


def test_a_plain_client_joins_the_lobby_under_its_port_number_and_receives_nothing() -> None:
    host = Host()
    ana = host.member("ana")
    host.settle()
    ana.take()
    peer = plain_member(host)
    host.settle()
    assert ana.one(Presence).joined == ("4711",)
    assert peer.received == b""


def test_plain_and_typed_members_talk_in_one_room() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"hello\r\n")
    message = ana.one(Message)
    assert (message.nick, message.text, message.seq) == ("4711", "hello", 1)
    ana.post("hi there\nyou")
    assert peer.lines() == ["ana: hi there", "ana: you"]


def test_a_plain_member_gets_every_line_but_its_own() -> None:
    host = Host()
    one, two = plain_member(host, 1), plain_member(host, 2)
    one.feed(b"a\nb\n")
    two.feed(b"c\n")
    one.feed(b"d\n")
    two.feed(b"e\nf\n")
    assert one.lines() == ["2: c", "2: e", "2: f"]
    assert two.lines() == ["1: a", "1: b", "1: d"]


def test_a_plain_member_that_catches_up_from_the_journal_gets_every_line_but_its_own() -> None:
    host = Host(tail_bytes=1)
    one, two = plain_member(host, 1), plain_member(host, 2)
    one.window = 0
    two.feed(b"first\n")
    for n in range(5):
        one.feed(b"mine %d\n" % n)
        two.feed(b"yours %d\n" % n)
    one.window = None
    one.drain()
    assert one.lines() == ["2: first", *(f"2: yours {n}" for n in range(5))]
    assert not one.session.members["lobby"].withholds


def test_silence_ends_a_plain_line_without_a_newline() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"hel", b"lo")
    assert ana.texts() == []
    host.advance(0.05)
    assert ana.texts() == ["hello"]


def test_the_end_of_the_stream_posts_an_unfinished_plain_line() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"bye")
    peer.eof()
    assert ana.texts() == ["bye"]
    assert peer.closed


def test_a_plain_member_can_change_its_nick() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"/nick Bob\nhi\n")
    assert peer.lines() == ["* you are now Bob"]
    assert ana.one(Message).nick == "Bob"


def test_a_taken_nick_gets_a_number_on_the_plain_wire() -> None:
    host = Host()
    host.member("ana")
    one, two = plain_member(host, 1), plain_member(host, 2)
    one.feed(b"/nick Ana\n")
    two.feed(b"/nick ana\n")
    assert one.lines() == ["* you are now Ana-2"]
    assert two.lines() == ["* you are now ana-3"]
    one.feed(b"/nick Ana-2\n")
    assert one.lines() == ["* you are now Ana-2"]
    assert plain_member(host, 1).session.nick == "1"


def test_a_port_number_that_is_taken_as_a_nick_gets_a_suffix() -> None:
    host = Host()
    assert [plain_member(host).session.nick for _ in range(3)] == ["4711", "4711-2", "4711-3"]


def test_a_plain_nick_may_be_digits_but_not_reserved_or_invalid() -> None:
    peer = plain_member(Host())
    peer.feed(b"/nick 42\n/nick admin\n/nick a b\n")
    assert peer.session.nick == "42"
    first, second, third = peer.lines()
    assert first == "* you are now 42"
    assert second.endswith("(bad_name)")
    assert third.endswith("(bad_name)")


def test_the_plain_commands_who_help_and_quit_work() -> None:
    host = Host()
    host.member("ana")
    peer = plain_member(host)
    host.settle()
    peer.feed(b"/who\n/help\n")
    assert sorted(line.split(":")[0] for line in peer.lines()) == [
        "* /me TEXT says what you do, /notice TEXT needs no answer, /nick NAME changes your name, "
        "/who lists who is here, /quit leaves; anything else is sent to the room",
        "* 2 here",
    ]
    peer.feed(b"/quit\n")
    assert peer.ended
    peer.eof()
    assert host.hub.rooms["lobby"].count == 1


def test_an_invalid_plain_line_is_reported_and_the_next_one_is_posted() -> None:
    host = Host(text_bytes=10, line_bytes=2_000)
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"\xff\xfb\x01caf\xe9\na\x1b[2J\n" + b"x" * 11 + b"\nfine\n")
    codes = [line.rpartition("(")[2] for line in peer.lines()]
    assert codes == ["bad_text)", "bad_text)", "too_long)"]
    assert ana.texts() == ["fine"]


def test_a_request_of_another_protocol_ends_a_plain_connection() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"GET / HTTP/1.1\r\nX: y\r\n\r\n")
    assert [line.startswith("* ") for line in peer.lines()] == [True, True]
    assert peer.ended
    assert ana.texts() == []


def test_nothing_of_a_typed_clients_hello_reaches_the_room_or_the_journal() -> None:
    host = Host()
    ana, peer = host.member("ana"), plain_member(host)
    hello = b'{"type":"hello","protocol":1,"nick":"bob","session":"' + b"s" * 32 + b'"}\n'
    peer.feed(hello[:20])
    host.advance(1.0)
    peer.feed(hello[20:] + b'{"type":"join","room":"lobby"}\n')
    assert peer.lines() == [
        "* this port speaks lines of text, not JSON; connect to a chat:// address of this server instead "
        "(bad_frame)",
        "* the server ends this connection (protocol)",
    ]
    assert peer.ended
    assert ana.texts() == []
    ana.send(History(room="lobby"))
    assert ana.one(Page).messages == ()


def test_a_rate_limited_plain_line_is_reported_and_does_not_block_later_lines() -> None:
    host = Host(frames_per_second=1.0, frames_burst=4)
    ana, peer = host.member("ana"), plain_member(host)
    peer.feed(b"one\ntwo\nthree\n")
    host.advance(1.0)
    peer.feed(b"four\n")
    assert [line.partition("(")[2][:12] for line in peer.lines()] == ["rate_limited"]
    assert ana.texts() == ["one", "two", "four"]


def test_a_gap_is_shown_to_a_plain_member_as_a_line() -> None:
    host = Host(tail_bytes=1, memory_history_bytes=3_000)
    ana, peer = host.member("ana"), plain_member(host)
    peer.window = 0
    for n in range(30):
        ana.post(str(n), prefix=f"p{n}")
    peer.window = None
    peer.drain()
    first, second, *rest = peer.lines()
    assert first == "ana: 0"  # it was on its way when the socket refused it
    assert second == "* messages are missing here (expired)"
    assert rest[-1] == "ana: 29"


def test_a_plain_member_gets_an_error_line_when_the_lobby_is_full() -> None:
    host = Host(members_per_room=1)
    host.member("ana")
    peer = plain_member(host)
    peer.feed(b"hi\n")
    assert [line.rpartition("(")[2] for line in peer.lines()] == ["limit_exceeded)", "not_joined)"]
