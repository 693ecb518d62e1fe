"""How these tests feed a decoder and inspect the result."""

from collections.abc import Iterable

from chatcore.address import Peer
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import Post
from chatcore.wire import Codec, Item, Wire

__all__ = ["PEER", "SMALL", "bytes_held", "decode", "decoder", "fault"]

PEER = Peer("192.0.2.1", 4711)
SMALL = Limits(text_bytes=1, line_bytes=1_027)
"""The shortest line that a server may allow is long enough for every frame in these tests."""


def decoder(wire: Wire, limits: Limits | None = None) -> Codec:
    """Return the codec of a new connection."""
    return wire.codec(PEER, limits or Limits())


def decode(
    wire: Wire, segments: Iterable[bytes], limits: Limits | None = None, *, eof: bool = True
) -> list[Item]:
    """Return the items that a whole stream decodes to, with no silence in it."""
    reader = decoder(wire, limits)
    items = [item for segment in segments for item in reader.receive_data(segment, 0.0)]
    if eof:
        items += reader.receive_eof()
    return [_comparable(item, wire) for item in items]


def fault(items: list[Item]) -> Fault:
    """Return the only item, which has to be a fault."""
    (item,) = items
    assert isinstance(item, Fault), item
    return item


def bytes_held(part: object) -> int:
    """Return how many bytes an object and its parts hold."""
    if isinstance(part, bytes | bytearray | str):
        return len(part)
    slots: Iterable[str] = getattr(type(part), "__slots__", ())
    return sum(bytes_held(getattr(part, slot)) for slot in slots)


def _comparable(item: Item, wire: Wire) -> Item:
    # Ids that a wire makes begin with random characters; only their numbers can be compared.
    if isinstance(item, Post) and wire.capabilities.implied_hello:
        return item.model_copy(update={"id": item.id.rpartition("-")[2]})
    return item
