"""One connection of a client session: all that is lost with its socket."""

from chatcore.limits import LINE_BYTES_MAX, ClientLimits
from chatcore.messages import ClientFrame, Closing, ServerFrame, encode, server_frames
from chatcore.wire.ndjson import NdjsonDecoder

__all__ = ["Connection"]

KEEPALIVE_SECONDS = 30.0
IDLE_SECONDS = 60.0
HANDSHAKE_SECONDS = 10.0


class Connection:
    """The decoder, the frames to be sent, and the signs of life of one connection."""

    __slots__ = ("_asked_for_life", "_heard", "_opened", "closing", "decoder", "live", "output")

    def __init__(self, now: float) -> None:
        self.decoder: NdjsonDecoder[ServerFrame] = NdjsonDecoder(server_frames, LINE_BYTES_MAX)
        self.output = bytearray()
        self.live = False  # until the server has said welcome
        self.closing: Closing | None = None  # the server's last word
        self._opened = now
        self._heard = now
        self._asked_for_life = False

    def send(self, frame: ClientFrame) -> None:
        """Queue a frame."""
        self.output += encode(frame)

    def take_output(self) -> bytes:
        """Take the queued frames."""
        data = bytes(self.output)
        self.output.clear()
        return data

    def note_life(self, now: float) -> None:
        """Learn that the server took or sent something."""
        self._heard = now
        self._asked_for_life = False

    def ask_for_life(self) -> bool:
        """Note that the server is to be asked for a sign of life; return whether it was already."""
        asked, self._asked_for_life = self._asked_for_life, True
        return asked

    def deadline(self, limits: ClientLimits) -> float:
        """Return when silence has lasted too long: to be asked about first, then to be believed."""
        if not self.live:
            return self._opened + HANDSHAKE_SECONDS
        keepalive = limits.keepalive_seconds or KEEPALIVE_SECONDS
        idle = max(limits.idle_seconds or IDLE_SECONDS, 2 * keepalive)
        return self._heard + (idle if self._asked_for_life else keepalive)
