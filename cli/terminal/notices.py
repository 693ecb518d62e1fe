"""Notices of the desktop, which some terminals show when a program asks for it.

Each kind of terminal has its own sequence, so one is sent only where the terminal is known, or where the user
says which it takes. What somebody wrote is sanitized, so it cannot end the sequence.

- In tmux it is wrapped, for the terminal around that; tmux drops it unless its option ``allow-passthrough``
  is on and the pane is visible, or the option is ``all``.
- GNU screen drops it. It would pass on what is wrapped for it, but only the low byte of each character: what
  somebody wrote could become a control character there, so nothing is wrapped.
"""

from collections.abc import Mapping
from typing import Literal, cast

from chatcore import UsageError
from cli.sanitize import sanitize

__all__ = ["NOTICE_KINDS", "Notices"]

Kind = Literal["osc9", "osc99", "osc777"]

NOTICE_KINDS = ("auto", "off", "osc9", "osc99", "osc777")
"""What the user may want."""

MOST_TITLE = 60
MOST_TEXT = 160
"""Characters of a notice. What is longer is cut."""

_BY_PROGRAM: dict[str, Kind] = {
    "iterm.app": "osc9",
    "wezterm": "osc777",
    "ghostty": "osc777",
    "rio": "osc777",
    "warpterminal": "osc777",
}
_BY_TERM: dict[str, Kind] = {
    "xterm-kitty": "osc99",
    "xterm-ghostty": "osc777",
    "foot": "osc777",
    "foot-extra": "osc777",
    "wezterm": "osc777",
    "rxvt-unicode": "osc777",
    "rxvt-unicode-256color": "osc777",
}
_BY_VARIABLE: dict[str, Kind] = {  # tmux has another name and TERM, but these come from around it
    "KITTY_WINDOW_ID": "osc99",
    "GHOSTTY_RESOURCES_DIR": "osc777",
    "WEZTERM_PANE": "osc777",
    "ITERM_SESSION_ID": "osc9",
}


class Notices:
    """Writes notices for one terminal, as ``wanted`` and the environment say.

    Raises `UsageError` for a wish that is unknown.
    """

    def __init__(self, wanted: str, environment: Mapping[str, str]) -> None:
        if wanted not in NOTICE_KINDS:
            raise UsageError(f"notices must be one of {', '.join(NOTICE_KINDS)}, not {wanted!r}")
        self.kind = _detected(environment) if wanted == "auto" else _named(wanted)
        self._in_tmux = bool(environment.get("TMUX"))

    def sequence(self, title: str, text: str) -> str:
        """Return what shows a notice; empty if this terminal shows none."""
        title, text = _plain(title, MOST_TITLE), _plain(text, MOST_TEXT)
        match self.kind:
            case None:
                return ""
            case "osc9":
                return self._wrapped(f"9;{title}: {text}")
            case "osc99":
                return self._wrapped(f"99;i=chat:d=0;{title}") + self._wrapped(f"99;i=chat:p=body;{text}")
            case "osc777":
                return self._wrapped(f"777;notify;{title};{text}")

    def _wrapped(self, body: str) -> str:
        sequence = f"\x1b]{body}\x1b\\"
        if not self._in_tmux:
            return sequence
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"


def _named(wanted: str) -> Kind | None:
    return None if wanted == "off" else cast("Kind", wanted)


def _detected(environment: Mapping[str, str]) -> Kind | None:
    """Return what the terminal takes, if that is known."""
    if environment.get("STY"):  # GNU screen
        return None
    program = environment.get("TERM_PROGRAM", "").casefold()
    by_variable = (kind for name, kind in _BY_VARIABLE.items() if environment.get(name))
    return _BY_TERM.get(environment.get("TERM", "")) or _BY_PROGRAM.get(program) or next(by_variable, None)


def _plain(text: str, most: int) -> str:
    """Return a text without what could end a sequence, or mean something in it."""
    plain = sanitize(" ".join(text.split())).replace(";", ",")
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."
