"""Does an act, within one transaction: the one way in which the accounts change, whoever asks for it."""

from typing import Any

from chatcore.accounts.acts import Content
from chatcore.accounts.devices import forget_device, invite_device
from chatcore.accounts.moderation import moderate
from chatcore.accounts.operating import Operation
from chatcore.accounts.redemption import redeem
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.uses import day_of
from chatcore.gate import Moderation, Person

__all__ = ["perform", "revises"]

_LESSENING = ("forget_device", "role", "remove", "revoke", "ban", "lift")


def perform(file: AccountsFile, content: Content, now: float) -> Any:
    """Do an act at a time; return what came of it. Raises `Refused`, or `UsageError` for an operator's."""
    match content:
        case {"act": "redeem", "nick": nick, "key": key, "invite": invite}:
            return redeem(file, nick, bytes.fromhex(key), bytes.fromhex(invite), now)
        case {"act": "moderate", "person": person, **rest}:
            return moderate(file, _person(person), _moderation(rest), now)
        case {"act": "invite_device", "person": person, "invite": invite}:
            return invite_device(file, _person(person), bytes.fromhex(invite), now)
        case {"act": "forget_device", "person": person}:
            return forget_device(file, _person(person), now)
        case {"act": "forget_room", "room": room}:
            return file.forget_room(room)
        case {"act": "note_uses", "keys": keys}:
            return file.note_uses([(day_of(now), bytes.fromhex(key)) for key in keys])
        case _:
            return Operation(file, content["by"], now).do(content)


def revises(content: Content, result: Any) -> bool:
    """Tell whether everybody has to be looked at, because somebody may have lost a right, or may speak again.

    ``result`` is what came of the act, which was not refused.
    """
    match content["act"]:
        case "moderate":
            return bool(result.revises)
        case "forget_room":
            return bool(result)
        case act:
            return act in _LESSENING


def _person(member: list[str]) -> Person:
    account, key_id = member
    return Person(account, key_id=key_id)


def _moderation(fields: Content) -> Moderation:
    return Moderation(
        act=fields["what"],
        room=fields["room"],
        nick=fields["nick"],
        seconds=fields["seconds"],
        reason=fields["reason"],
        present=frozenset(fields["present"]),
    )
