"""A line from the server, read as a frame."""

from pydantic import ValidationError

from chatcore import ProtocolError, ServerFrame
from chatcore.wire import server_frames

__all__ = ["LINE_BYTES", "decode"]

LINE_BYTES = 1024 * 1024
"""The longest line that is accepted: sixteen times what servers send by default."""

_decode = server_frames.validator.validate_json  # without the adapter's own call, for every line


def decode(line: bytes) -> ServerFrame | None:
    """Return the frame that a line holds, or ``None`` for an empty line or an unknown type.

    A newer server may send frames that this version does not know. Raises `ProtocolError` for anything else.
    """
    try:
        frame: ServerFrame = _decode(line)
    except ValidationError as error:
        kind = error.errors(include_url=False, include_input=False, include_context=False)[0]["type"]
        if not line.strip() or kind == "union_tag_invalid":
            return None
        raise ProtocolError(f"the server sent a line that is not a frame ({kind})") from None
    return frame
