"""The colours of the page: what is read can be told from what is behind it, in light and in dark."""

import re
from itertools import combinations, product
from pathlib import Path

import pytest

CSS = (Path(__file__).parent.parent.parent / "transports" / "web" / "style.css").read_text("utf-8")
DARK = "@media screen and (prefers-color-scheme: dark)"
NICKS = tuple(f"c{number}" for number in range(8))
TEXTS = ("ink", "quiet", "accent", "warn", *NICKS)
GROUNDS = ("paper", "shade", "hover", "mention", "warned")
ENOUGH = 4.5  # WCAG 2, level AA, for text
ENOUGH_FOR_EDGES = 3.0  # and for the edge of what is pressed or typed into
TINT = 0.13  # of a nick, in the square behind its initial
APART = 40.0  # between two nicks, of 441 from black to white

Colour = tuple[float, float, float]


def _colours() -> tuple[dict[str, Colour], dict[str, Colour]]:
    parts = re.split(re.escape(DARK) + r" \{\n(.*?)\n\}\n", CSS, flags=re.DOTALL)
    light = _colours_in("".join(parts[::2]))
    return light, light | _colours_in("".join(parts[1::2]))


def _colours_in(css: str) -> dict[str, Colour]:
    of_parts = re.findall(r"--([\w-]+): #(\w{6});", css)
    of_nicks = re.findall(r"\.(c\d) \{ --nick: #(\w{6}); \}", css)
    return {name: _parsed(value) for name, value in of_parts + of_nicks}


def _parsed(value: str) -> Colour:
    red, green, blue = bytes.fromhex(value)
    return red, green, blue


LIGHT_AND_DARK = dict(zip(("light", "dark"), _colours(), strict=True))


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: Colour, other: Colour) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(one, other, strict=True))
    return red, green, blue


@pytest.mark.parametrize("look", LIGHT_AND_DARK)
def test_every_text_can_be_read_on_everything_behind_it(look: str) -> None:
    colours = LIGHT_AND_DARK[look]
    pairs = [*product(TEXTS, GROUNDS), ("on-accent", "accent"), ("on-warn", "warn"), ("paper", "ink")]
    assert [pair for pair in pairs if _contrast(*(colours[name] for name in pair)) < ENOUGH] == []


@pytest.mark.parametrize("look", LIGHT_AND_DARK)
def test_the_initial_of_a_nick_can_be_read_on_its_tint(look: str) -> None:
    colours = LIGHT_AND_DARK[look]
    tints = {nick: _mixed(colours[nick], colours["paper"], TINT) for nick in NICKS}
    assert [nick for nick in NICKS if _contrast(colours[nick], tints[nick]) < ENOUGH] == []


@pytest.mark.parametrize("look", LIGHT_AND_DARK)
def test_two_nicks_have_colours_that_can_be_told_apart(look: str) -> None:
    colours = LIGHT_AND_DARK[look]
    distances = {
        (one, other): sum((a - b) ** 2 for a, b in zip(colours[one], colours[other], strict=True)) ** 0.5
        for one, other in combinations(NICKS, 2)
    }
    assert [pair for pair, distance in distances.items() if distance < APART] == []


@pytest.mark.parametrize("look", LIGHT_AND_DARK)
def test_the_edge_of_what_is_pressed_or_typed_into_can_be_seen(look: str) -> None:
    colours = LIGHT_AND_DARK[look]
    contrasts = [_contrast(colours["edge"], colours[ground]) for ground in ("paper", "shade")]
    assert min(contrasts) >= ENOUGH_FOR_EDGES
