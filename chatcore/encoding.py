"""The two frames that a server writes for every post, as lines, made without their models.

A message and its ack are most of what a server encodes, and their fields come from a post that was validated
when it was read. So each line is put together here, byte for byte as `chatcore.messages.encode` would write
it. `Message` and `Ack` say what may be in these lines, and a test holds the two together.
"""

from collections.abc import Iterable
from datetime import datetime

# What `json.dumps(text, ensure_ascii=False)` does with a text, in C where there is C.
from json.encoder import encode_basestring as quoted

__all__ = ["encode_acks", "encode_message", "time_text"]


def time_text(at: datetime) -> str:
    """Return a time in UTC as messages write it: RFC 3339, with microseconds unless they are 0."""
    return f"{at.isoformat()[:-6]}Z"  # without its +00:00


def encode_message(
    room: str,
    seq: int,
    prev: int,
    id: str,
    nick: str,
    text: str,
    at: str,
    kind: str | None = None,
    target: int | None = None,
) -> bytes:
    """Return the line of a `Message`. All fields are valid already, and ``at`` is of `time_text`."""
    what = "" if kind is None else f'"kind":"{kind}",'
    if target is not None:
        what += f'"target":{target},'
    return (
        f'{{"type":"message","room":"{room}","seq":{seq},"prev":{prev},"id":{quoted(id)},"nick":"{nick}",'
        f'{what}"text":{quoted(text)},"at":"{at}"}}\n'
    ).encode()


def encode_acks(room: str, durability: str, stored: Iterable[tuple[str, int]]) -> bytes:
    """Return the lines of an `Ack` for each id and ``seq``, of posts to one room. All are valid already."""
    end = f',"durability":"{durability}"}}\n'
    start = f'{{"type":"ack","room":"{room}","id":'
    return "".join([f'{start}{quoted(id_)},"seq":{seq}{end}' for id_, seq in stored]).encode()
