"""What of the file one connection has changed: it is all that has to be read again after a change.

Tables are named as a whole, because only operators and moderators change much in those, and new accounts are
few. Rooms are named one by one: members change them as they like, and there may be very many.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

__all__ = ["ALL", "Table", "Touched"]

Table = Literal["people", "keys", "bans", "rooms", "urls"]
"""A part of what is known: ``rooms`` are the private rooms and who is admitted to which."""

ALL: Final[frozenset[Table]] = frozenset(get_args(Table))


@dataclass(frozen=True, slots=True)
class Touched:
    """Tables, and rooms, that are not what they were."""

    tables: frozenset[Table] = field(default_factory=frozenset)
    rooms: frozenset[str] = field(default_factory=frozenset)

    def and_tables(self, *tables: Table) -> "Touched":
        """Add tables."""
        return Touched(self.tables.union(tables), self.rooms)

    def and_room(self, room: str) -> "Touched":
        """Add a room."""
        return Touched(self.tables, self.rooms | {room})

    def __bool__(self) -> bool:
        return bool(self.tables or self.rooms)
