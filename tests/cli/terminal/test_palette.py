"""The colours of roles and nicks, also as people see them who do not see red, green or blue."""

from itertools import combinations, pairwise

import pytest

from cli.terminal.colours import DARK, DARKEST, LIGHT, LIGHTEST, UNKNOWN, Colours, Theme, background_of
from cli.terminal.palette import COLOURS, MOST_NICKS, Palette

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

# Machado, Oliveira and Fernandes (2009), at full severity, for linear RGB.
VISIONS: dict[str, Matrix] = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}

# Oklab (Ottosson 2020): two colours at a distance of 0.02 can just be distinguished side by side.
TO_CONES: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def times(matrix: Matrix, vector: Vector) -> Vector:
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def linear(colour: str) -> Vector:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def seen(colour: str, vision: Matrix) -> Vector:
    red, green, blue = (min(max(c, 0.0), 1.0) for c in times(vision, linear(colour)))
    x, y, z = times(TO_CONES, (red, green, blue))
    return times(TO_LAB, (x ** (1 / 3), y ** (1 / 3), z ** (1 / 3)))


SETS = {"dark": DARK, "light": LIGHT, "unknown": UNKNOWN}


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", SETS)
def test_any_two_colours_can_be_distinguished(name: str, vision: str) -> None:
    as_seen = [seen(colour, VISIONS[vision]) for colour in SETS[name].nicks]
    distances = [
        sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in combinations(as_seen, 2)
    ]
    assert min(distances) > 0.085


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2 defines it."""
    darker, lighter = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in map(linear, (one, other))
    )
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("colours", "backgrounds", "least"),
    [
        (DARK, ("#000000", "#002b36", "#1e1e1e", "#282a36", "#2e3440", LIGHTEST), 4.5),
        (LIGHT, ("#ffffff", "#fdf6e3", "#fbf1c7", "#eff1f5", "#eeeeee", DARKEST), 4.5),
        (UNKNOWN, ("#000000", "#ffffff"), 3.0),
    ],
)
def test_every_role_is_readable_on_its_backgrounds(
    colours: Colours, backgrounds: tuple[str, ...], least: float
) -> None:
    coloured = {role: colour for role, colour in colours.rules().items() if colour}
    assert coloured.keys() == {"quiet", *(f"nick{index}" for index in range(8))}
    for role, colour in coloured.items():
        for background in backgrounds:
            assert contrast(colour, background) >= least, (role, background)
        assert _is_fixed(colour), role


def _is_fixed(colour: str) -> bool:
    """Tell whether a colour is one of xterm's 256 that no theme changes: of its cube, or one of its greys."""
    parts = bytes.fromhex(colour[1:])
    grey = len(set(parts)) == 1 and (parts[0] - 8) % 10 == 0
    return grey or set(parts) <= {0, 95, 135, 175, 215, 255}


@pytest.mark.parametrize(
    ("colour", "background"),
    [
        ("#000000", "dark"),
        ("#2e3440", "dark"),
        ("#757575", "dark"),
        ("#777777", "light"),
        ("#fdf6e3", "light"),
    ],
)
def test_a_background_is_what_has_less_contrast_to_it(colour: str, background: str) -> None:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    assert background_of(red, green, blue) == background


def test_the_user_chooses_colours_for_all_backgrounds_or_for_one() -> None:
    theme = Theme(chosen={"quiet": "#111111", "nicks": ["#222222", "#333333"], "dark": {"quiet": "#444444"}})
    assert [theme.rules(name)["quiet"] for name in (None, "light", "dark")] == [
        "#111111",
        "#111111",
        "#444444",
    ]
    assert [theme.rules(None)[f"nick{index}"] for index in (0, 1, 2, 7)] == [
        "#222222",
        "#333333",
        "#222222",
        "#333333",
    ]
    own = Theme(chosen={"mention": "#555555"}).rules("light")
    assert (own["mention"], own["quiet"]) == ("#555555", LIGHT.quiet)


def test_a_nick_keeps_its_colour_whoever_speaks() -> None:
    palette = Palette()
    nicks = [f"n{number}" for number in range(100)]
    first = {nick: palette.next_speaker(nick) for nick in nicks}
    assert {nick: palette.next_speaker(nick.upper()) for nick in reversed(nicks)} == first
    assert set(first.values()) == set(COLOURS)


def test_the_first_speaker_has_the_colour_of_first_choice() -> None:
    for number in range(100):
        nick = f"n{number}"
        assert Palette().colour(nick) == Palette().next_speaker(nick)


def test_eight_speakers_have_eight_colours() -> None:
    for group in range(50):
        palette = Palette()
        nicks = [f"g{group}n{number}" for number in range(len(COLOURS))]
        assert len({palette.next_speaker(nick) for nick in nicks}) == len(COLOURS)


def test_no_two_nicks_share_a_colour_while_others_are_free() -> None:
    for group in range(50):
        palette = Palette()
        nicks = [f"g{group}n{number}" for number in range(len(COLOURS))]
        for nick in nicks:  # the others speak again and again, or never have
            palette.next_speaker(nicks[0])
            palette.colour(nick)
        assert len({palette.colour(nick) for nick in nicks}) == len(COLOURS)


def test_nobody_gets_ones_own_colour_while_others_are_free() -> None:
    for number in range(100):
        palette = Palette()
        own = palette.own_colour(f"me{number}")
        others = {palette.next_speaker(f"n{number}.{other}") for other in range(len(COLOURS) - 1)}
        assert own not in others


def test_when_no_colour_is_free_a_new_nick_gets_neither_ones_own_nor_one_of_the_latest_speakers() -> None:
    palette = Palette()
    own = palette.own_colour("me")
    spoken: list[str] = []
    for number in range(500):
        colour = palette.next_speaker(f"n{number}")
        assert colour not in (own, *spoken[-(len(COLOURS) - 3) :])
        spoken.append(colour)


def test_later_speakers_never_have_the_colour_of_the_one_before() -> None:
    palette = Palette()
    colours = [palette.next_speaker(f"n{number}") for number in range(1_000)]
    assert all(one != other for one, other in pairwise(colours))


def test_the_number_of_remembered_nicks_is_bounded() -> None:
    palette = Palette()
    for number in range(3 * MOST_NICKS):
        palette.next_speaker(f"n{number}")
    assert len(palette._colours) == MOST_NICKS
