"""Takes out of a text what programs write for a terminal: colours, movements of the cursor, titles, links.

The form of such a sequence is that of ECMA-48, in its 7-bit and its 8-bit coding:

- a control sequence (5.4): ``ESC [``, parameters, and a final byte;
- a control string (5.6): ``ESC ]``, ``P``, ``X``, ``^`` or ``_``, and all up to ``ESC \\``, or to the BEL
  with which most programs end a title;
- any other escape sequence (ECMA-35): ``ESC``, intermediate bytes, and a final byte.

What only begins like one is left as it is. So a string without its end hides nothing of the text after it,
and a string ends with its line at the latest. The time that it takes grows with the length of a text only.
"""

import re

__all__ = ["without_escapes"]

# A string has no control characters in it but tabs. So no two attempts look at the same characters.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]*(?:\x1b\\|\x9c|\x07)"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-OQ-WYZ\\`-~]"
)


def without_escapes(text: str) -> str:
    """Return a text without its escape sequences. What is left may look like one again, and is not one."""
    return _SEQUENCE.sub("", text) if "\x1b" in text or not text.isascii() else text
