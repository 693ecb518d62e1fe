"""What a telnet client says besides the text (RFC 854), taken out of a stream."""

__all__ = ["TelnetFilter"]

_IAC, _SE, _SB = 0xFF, 0xF0, 0xFA
_OPTIONS = range(0xFB, 0xFF)  # WILL, WONT, DO, DONT: one more byte says what
_COMMANDS = range(0xF0, 0xFA)


_QUIET = (b"", b"\xff\xfa")
"""Outside of commands, and within a subnegotiation: there nothing but IAC changes anything."""


class TelnetFilter:
    """Drops commands, options and subnegotiations, however they are split; keeps three bytes at most."""

    __slots__ = ("_command",)

    def __init__(self) -> None:
        self._command = b""  # the beginning of one that is not complete; of a subnegotiation its frame

    def push(self, data: bytes) -> bytes:
        """Take bytes; return those that are text."""
        if not self._command and _IAC not in data:
            return data
        text = bytearray()
        command, at = self._command, 0
        while at < len(data):
            if command in _QUIET and (end := _next(data, at)) > at:
                text += b"" if command else data[at:end]
                at = end
                continue
            byte = data[at]
            at += 1
            match command:
                case b"":
                    command = b"\xff"
                case b"\xff":
                    if byte == _SB or byte in _OPTIONS:
                        command = bytes([_IAC, byte])
                    else:
                        command = b""
                        if byte not in _COMMANDS:  # IAC IAC is the byte itself; others are no commands
                            text.append(byte)
                case b"\xff\xfa":
                    command = b"\xff\xfa\xff"
                case b"\xff\xfa\xff":
                    command = b"" if byte == _SE else b"\xff\xfa"
                case _:
                    command = b""
        self._command = command
        return bytes(text)


def _next(data: bytes, at: int) -> int:
    """Return where the next IAC is, or the end."""
    found = data.find(_IAC, at)
    return len(data) if found < 0 else found
