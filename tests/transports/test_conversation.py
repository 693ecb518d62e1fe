"""KnownNicks talk: typed and plain, in one room."""

from tests.protocol.frames import Ack, Error, Message, NickFrame, Presence
from tests.transports.servers import House


def test_a_message_reaches_all_members_and_its_sender(house: House) -> None:
    ann, bob = house.member("ann"), house.member("bob")
    ann.post("hello", "a-1")
    ack, own, heard = ann.receive(Ack), ann.receive(Message), bob.receive(Message)
    assert (ack.id, ack.seq, ack.durability) == ("a-1", 1, "memory")
    assert own == heard
    assert (heard.nick, heard.text, heard.seq, heard.prev, heard.id) == ("ann", "hello", 1, 0, "a-1")


def test_both_wires_share_a_room(house: House) -> None:
    ann, script = house.member("ann"), house.plain()
    script.say("hello from a script")
    heard = ann.receive(Message)
    assert (heard.nick, heard.text) == (script.nick, "hello from a script")
    ann.post("hello from a program", "a-1")
    assert script.hear() == "ann: hello from a program"


def test_plain_members_see_ports_for_nicks_and_never_their_own_lines(house: House) -> None:
    one, two = house.plain(), house.plain()
    one.say("first")
    two.say("second")
    assert two.hear() == f"{one.nick}: first"
    assert one.hear() == f"{two.nick}: second"


def test_a_plain_member_takes_a_name(house: House) -> None:
    one, two, ann = house.plain(), house.plain(), house.member("ann")
    one.say("/nick carol")
    assert one.hear() == "* you are now carol"
    one.say("call me carol")
    assert two.hear() == "carol: call me carol"
    assert ann.receive(Message).nick == "carol"


def test_a_taken_nick_is_refused_to_a_typed_member(house: House) -> None:
    house.member("ann")
    bob = house.member("bob")
    bob.ask("nick", nick="ANN")
    assert bob.receive(Error).code == "nick_taken"
    bob.ask("nick", nick="Robert")
    assert bob.receive(NickFrame).nick == "Robert"


def test_every_line_of_a_text_is_prefixed_for_plain_members(house: House) -> None:
    ann, script = house.member("ann"), house.plain()
    ann.post("one\n* two\n\nbob: three", "a-1")
    assert [script.hear() for _ in range(4)] == ["ann: one", "ann: * two", "ann: ", "ann: bob: three"]


def test_joins_and_leaves_are_reported(house: House) -> None:
    ann = house.member("ann")
    bob = house.member("bob")
    ann.receive(Presence, where=lambda presence: "bob" in presence.joined)
    bob.close()
    assert ann.receive(Presence, where=lambda presence: "bob" in presence.left).count == 1


def test_a_member_that_left_reads_no_more(house: House) -> None:
    ann, bob = house.member("ann"), house.member("bob")
    bob.ask("leave", room="lobby")
    bob.settle()
    ann.post("is bob gone?", "a-1")
    ann.receive(Ack)
    assert not [frame for frame in bob.settle() if isinstance(frame, Message)]


def test_rooms_are_separate(house: House) -> None:
    ann, bob = house.typed("ann", "lobby", "attic"), house.typed("bob", "lobby", "cellar")
    ann.post("only up here", "a-1", room="attic")
    ann.post("for all", "a-2")
    assert bob.receive(Message).text == "for all"
