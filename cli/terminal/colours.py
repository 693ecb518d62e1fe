"""The colours of what is drawn, by what it is: its role.

There are three sets: for a dark background, for a light one, and for one that nobody knows. In the first two,
each colour has a contrast of at least 4.5 to `DARKEST` and `LIGHTEST`, and to what is darker or lighter; in
the third, one of at least 3 to black and to white. All of them are among xterm's 256, whose values are
fixed: what a terminal makes of the 16 named ones nobody knows.

What is drawn names a role, as ``class:quiet``, and a `Theme` says which colour that is. So the colours of
what will be drawn can change while the client runs: a terminal may say late what its background is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "DARK",
    "DARKEST",
    "LIGHT",
    "LIGHTEST",
    "NICKS",
    "UNKNOWN",
    "Background",
    "Colours",
    "Theme",
    "background_of",
]

Background = Literal["dark", "light"]

NICKS = 8
"""Colours that nicks have: the roles ``nick0`` to ``nick7``."""

DARKEST = "#eaeaea"
"""The darkest background that counts as light: those of all common themes are lighter."""

LIGHTEST = "#363636"
"""The lightest background that counts as dark: those of all common themes are darker."""

_MIDDLE = 0.18
"""The luminance between the two, which has the same contrast to black and to white."""


@dataclass(frozen=True, slots=True)
class Colours:
    """One set. ``quiet`` is for what is not news, ``nicks`` has as many as there are, and may have more.

    A ``mention``, the ``mark`` of new messages, and a ``warning`` are drawn reverse or bold, and have no
    colour unless the user gives them one.
    """

    nicks: tuple[str, ...]
    quiet: str
    mention: str = ""
    mark: str = ""
    warning: str = ""

    def rules(self) -> dict[str, str]:
        """Return the style of each role."""
        nicks = {f"nick{index}": self.nicks[index % len(self.nicks)] for index in range(NICKS)}
        others = {"quiet": self.quiet, "mention": self.mention, "mark": self.mark, "warning": self.warning}
        return {**nicks, **others}


# Each of these was found by a search: the two that are most alike are as different as possible, also for
# people who do not see red, green or blue, and none is like the text beside it.
DARK = Colours(
    ("#d7afaf", "#ff5fd7", "#87d7ff", "#87af5f", "#00afff", "#ffd7af", "#afd75f", "#afff00"), "#a8a8a8"
)
LIGHT = Colours(
    ("#5f0000", "#875f5f", "#00005f", "#005faf", "#87005f", "#8700ff", "#0000af", "#af0000"), "#626262"
)
UNKNOWN = Colours(
    ("#ff5f00", "#af87af", "#5f87ff", "#af5f5f", "#5f5f00", "#005faf", "#af0087", "#8700ff"), "#878787"
)


def background_of(red: float, green: float, blue: float) -> Background:
    """Return whether a colour is dark or light; its parts are between 0 and 1, as a terminal gives them."""
    return "dark" if _luminance(red, green, blue) < _MIDDLE else "light"


def _luminance(*parts: float) -> float:
    """Return how bright a colour is, as WCAG 2 defines that."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True, slots=True)
class Theme:
    """Which colours the user wants: ``chosen`` is what the settings say, by role, or by background and role.

    ``background`` is what the user says of it, if anything.
    """

    background: Background | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)

    def rules(self, background: Background | None) -> dict[str, str]:
        """Return the style of each role on a background."""
        colours = {"dark": DARK, "light": LIGHT, None: UNKNOWN}[background]
        own = {**self.chosen, **(self.chosen.get(background, {}) if background else {})}
        roles = {role: own[role] for role in ("quiet", "mention", "mark", "warning") if role in own}
        nicks = tuple(own.get("nicks", colours.nicks))
        return Colours(nicks, **{"quiet": colours.quiet, **roles}).rules()
