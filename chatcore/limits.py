"""Every limit that a server holds its peers to, in one place, each with the reason for its default.

``None`` turns a limit off. The byte limits cannot be turned off: they are what keeps memory bounded.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["LINE_BYTES_MAX", "ClientLimits", "HistoryLimits", "Limits"]

LINE_BYTES_MAX = 1024 * 1024
"""The longest line that either side takes: sixteen times what servers allow by default."""

Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ClientLimits(BaseModel):
    """The limits that a client can act on; ``welcome`` carries them.

    One that is missing is off, or the server did not say.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    line_bytes: Bytes | None = None
    text_bytes: Bytes | None = None
    posts_in_flight: Count | None = None
    frames_per_second: Rate | None = None
    frames_burst: Count | None = None
    rooms_per_session: Count | None = None
    page_messages: Count | None = None
    keepalive_seconds: Seconds | None = None
    idle_seconds: Seconds | None = None
    session_seconds: Seconds | None = None
    dedupe_seconds: Seconds | None = None


class HistoryLimits(BaseModel):
    """What a journal keeps: sizes in bytes, times in seconds; ``None`` is no limit.

    These belong to the log and not to the machine that serves it. Raises `ValueError` (pydantic's
    ``ValidationError``) for values that are invalid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A sender that resends after a lost connection does so within two minutes or asks its user.
    dedupe_seconds: Seconds = 120.0
    # What the memory journal keeps of each room: with all that a message costs, some 1,600 lines of chat.
    # It keeps no less than the tail of the room holds (`Limits.tail_bytes`), so by default that counts.
    memory_history_bytes: Bytes = 1024 * 1024
    # What a durable journal keeps of each room: the last hundred thousand messages, some months of a
    # lively team, or a gigabyte if they are long. Age alone removes nothing unless it is set.
    history_messages: Count | None = 100_000
    history_bytes: Count | None = 1024 * 1024 * 1024
    history_seconds: Seconds | None = None


class Limits(BaseModel):
    """The limits of one hub: sizes in bytes, times in seconds, rates per second; ``None`` is no limit.

    Raises `ValueError` (pydantic's ``ValidationError``) for values that are invalid or exclude each other.
    What is kept of the log is for its journal to say (`HistoryLimits`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Connections. One costs some kilobytes here and a descriptor; 1,024 is what most systems let a
    # process open, so the server is full before the system says no.
    connections: Count | None = 1_000
    # A household or an office behind one address, but not a thousand sockets from one machine.
    # An IPv6 peer owns at least its /64, so that is what counts as its address.
    connections_per_address: Count | None = 128
    # New connections from one address. Five hundred people behind one address are back five seconds after a
    # restart, and a script that connects again and again meets no limit: it takes 20 ms to start a program.
    # To begin and end one costs a millisecond at most, so an address costs a twentieth of a core.
    # Off where `connections_per_address` is: then addresses do not tell peers apart.
    new_connections_burst: Count = 256
    new_connections_per_second: Rate | None = 50.0
    # Hellos that are refused for who it is, from one address; beyond that its new connections are closed. A
    # person mistypes a key a few times, and an office has one that is old in some script.
    # Off where `connections_per_address` is.
    refusals_per_minute: Count | None = 10
    # Ten seconds reach around the world three times over, even by radio and with TLS.
    handshake_seconds: Seconds | None = 10.0

    # Rooms that somebody is in: more than one address can enter with all its connections (128 times 64), so
    # that nobody alone keeps the others out.
    rooms: Count | None = 10_000
    # Rooms that have never held a message, entered from one address: as many as one session can be in at
    # once, and one more each minute.
    new_rooms_burst: Count = 64
    new_rooms_per_minute: Rate | None = 1.0
    # Nobody reads more rooms than this, and each costs a cursor and a check when data is due.
    rooms_per_session: Count | None = 64
    # Identities. A further session of one that is inside may enter a full room, so readers are bounded by
    # `connections` and `sessions_per_account`.
    members_per_room: Count | None = 10_000
    # The devices of one person, with room for some scripts; open servers have no accounts.
    sessions_per_account: Count | None = 16

    # What one peer may say. 16 KiB is some four pages of prose. A line holds a text written with
    # JSON's longest escapes (three times its UTF-8) and the rest of the frame.
    text_bytes: Bytes = 16 * 1024
    line_bytes: Annotated[Bytes, Field(le=LINE_BYTES_MAX)] = 64 * 1024
    # Nobody types twenty lines a second, but people do paste: the burst is a long file.
    frames_per_second: Rate | None = 20.0
    frames_burst: Count = 500
    # Posts whose answer is owed: enough to fill a second of a slow disk, and no more to hold.
    posts_in_flight: Count = 256
    # Answers that a peer has asked for and does not read; beyond them it is not read from either.
    outbound_bytes: Bytes = 256 * 1024

    # Silence. NAT tables forget a quiet TCP flow after a minute or more; thirty seconds keep it.
    keepalive_seconds: Seconds | None = 30.0
    # Twice the keepalive: one lost ping is no proof, an unanswered one is.
    idle_seconds: Seconds | None = 60.0
    # A reader that frees not one byte of its buffer in this time has stopped, not slowed down.
    stall_seconds: Seconds | None = 30.0
    # A lid closed and opened again, a tunnel, a change of network: the nick waits that long.
    session_seconds: Seconds = 120.0
    # Nicks that wait like that. From one address as many as it may have connections, since all of a household
    # may lose theirs together. Beyond either limit the oldest goes.
    reserved_nicks_per_address: Count | None = 128
    reserved_nicks: Count | None = 4_096
    # How long an answer may take to be flushed to a peer that is being closed.
    closing_seconds: Seconds = 5.0

    # Joins and leaves are news for people, who see no difference between now and a quarter second;
    # a thousand joins within one cost one frame.
    presence_seconds: Seconds = 0.25
    # Names in one presence frame; a client that wants all of them asks.
    presence_names: Count = 100

    # Memory a room. The tail serves everyone who keeps up: at a thousand messages a second of 200
    # bytes, somebody whose socket is full may fall five seconds behind before the journal is asked. What a
    # member needs whose socket is not full stays beyond the limit, and posts to the room wait for that.
    tail_bytes: Bytes = 1024 * 1024
    # One page of history, and the most that a join may ask for.
    page_messages: Count = 1_000

    @model_validator(mode="after")
    def _lines_fit(self) -> Self:
        if self.line_bytes < 3 * self.text_bytes + 1_024:
            raise ValueError(
                f"line_bytes ({self.line_bytes}) must be at least 3 times text_bytes plus 1,024 "
                f"({3 * self.text_bytes + 1_024}): a text with every character escaped must fit a line"
            )
        return self

    @model_validator(mode="after")
    def _a_ping_comes_first(self) -> Self:
        if self.keepalive_seconds and self.idle_seconds and self.keepalive_seconds >= self.idle_seconds:
            raise ValueError("keepalive_seconds must be less than idle_seconds, or no ping is ever sent")
        return self

    def for_client(self, *, dedupe_seconds: float) -> ClientLimits:
        """Return the part that `welcome` carries; the journal knows how long ids are remembered."""
        known = self.model_dump(include=set(ClientLimits.model_fields))
        return ClientLimits(**known, dedupe_seconds=dedupe_seconds)
