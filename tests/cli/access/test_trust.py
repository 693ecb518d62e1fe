"""By what a server's certificate is known: each row of the table in docs/client.md."""

import re
from pathlib import Path

import pytest

from cli.access.trust import Ca, Trust, trust_of, trusts_of_link

DOCS = Path(__file__).parents[3] / "docs" / "client.md"

NONE, SET, TYPED = Ca(), Ca("set.pem"), Ca("typed.pem", typed=True)
LINK, STORED = Trust(pin="link"), Trust(pin="stored")
SYSTEM, BY_SETTING, BY_TYPED = Trust(), Trust(ca="set.pem"), Trust(ca="typed.pem")


@pytest.mark.parametrize(
    ("ca", "stored", "trust"),
    [
        (TYPED, "stored", BY_TYPED),
        (TYPED, None, BY_TYPED),
        (SET, "stored", STORED),
        (NONE, "stored", STORED),
        (SET, None, BY_SETTING),
        (NONE, None, SYSTEM),
    ],
)
def test_a_server_that_we_know(ca: Ca, stored: str | None, trust: Trust) -> None:
    assert trust_of(ca, stored) == trust


@pytest.mark.parametrize(
    ("pin", "ca", "stored", "trusts"),
    [
        ("link", TYPED, "stored", (LINK,)),
        ("link", SET, None, (LINK,)),
        ("link", NONE, "stored", (LINK,)),
        (None, TYPED, "stored", (BY_TYPED,)),
        (None, TYPED, None, (BY_TYPED,)),
        (None, SET, "stored", (BY_SETTING, STORED)),
        (None, NONE, "stored", (SYSTEM, STORED)),
        (None, SET, None, (BY_SETTING,)),
        (None, NONE, None, (SYSTEM,)),
    ],
)
def test_the_server_of_a_link(pin: str | None, ca: Ca, stored: str | None, trusts: tuple[Trust, ...]) -> None:
    assert trusts_of_link(pin, ca, stored) == trusts


def test_the_table_has_the_ways_in_the_order_in_which_they_count() -> None:
    (table,) = re.findall(r"\| what there is \|.*?\n\n", DOCS.read_text("utf-8"), re.DOTALL)
    rows = [line.split("|")[1].strip() for line in table.strip().splitlines()[2:]]
    assert rows == [
        "a fingerprint in the link",
        "`--ca` on the command line",
        "a stored fingerprint",
        "`ca` in `chat.toml` or the environment",
        "nothing",
    ]
