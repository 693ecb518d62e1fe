"""A server's life is lived as docs/operations.md has it: each command in its order, and what it prints.

There is one machine at a time, and a computer of ada's, on which a client of hers runs. A step may be
followed once more, as on the machine that takes the place of a lost one.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.operations.page import sections
from tests.operations.walk import Plan, Step, Walk


@pytest.fixture
def walk(tmp_path: Path, inside: Inside) -> Iterator[Walk]:
    """Somebody who follows the page from its beginning."""
    if shutil.which("curl") is None and not os.environ.get("CI"):
        pytest.skip("curl is not installed")
    walk = Walk(tmp_path, inside)
    try:
        yield walk
    finally:
        walk.end()


FIRST_DAY: Plan = (
    Step("Install"),
    Step("The certificate"),
    Step("The first account, and the start"),
    Step("The first invite"),
)

UNTIL_A_RESTORE: Plan = (
    *FIRST_DAY,
    Step("Watching it"),
    Step("Backup"),
    Walk.connect,
    Walk.speak,
    Walk.lose_the_machine,
    Step("Install"),
    Step("Restore", until="systemctl enable"),
    Step("The certificate"),
    Step("Restore", after="chatctl history", until="systemctl stop"),
    Walk.see_a_new_log,
    Walk.speak,
    Walk.try_what_is_mentioned,
)
"""The first days of a server, the loss of its machine, and what is done then on an empty one."""

WHAT_COMES_LATER: Plan = (
    *FIRST_DAY,
    Step("Backup", until="ls"),
    Walk.connect,
    Walk.speak,
    Step("Restore", after="chatctl audit"),
    Walk.see_a_new_log,
    Step("Upgrade and downgrade", until="systemctl stop"),
    Walk.speak,
    Walk.have_a_later_journal,
    Step("Upgrade and downgrade", after="chatctl --version"),
    Walk.see_a_new_log,
    Walk.get_another_machine,
    Step("Install"),
    Walk.return_to_the_first,
    Step("Moving to another machine", until="systemctl enable"),
    Walk.have_the_name_lead_to_the_other,
    Step("Moving to another machine", after="rsync"),
    Walk.see_a_new_log,
    Walk.fill_the_disk,
    Step("Running out of disk", until="apt-get clean"),
    Walk.make_space,
    Step("Running out of disk", after="journalctl --vacuum-size"),
    Walk.speak,
    Walk.speak_in_a_room_of_old,
    Step("Getting rid of a person"),
    Step("Getting rid of a room"),
)
"""The same server afterwards."""


def test_a_server_is_restored_on_an_empty_machine_as_the_page_says(walk: Walk) -> None:
    walk.follow(UNTIL_A_RESTORE)


def test_a_server_is_upgraded_and_moved_and_cleaned_up_as_the_page_says(walk: Walk) -> None:
    walk.follow(WHAT_COMES_LATER)


def test_every_command_of_the_walk_is_run() -> None:
    steps = [each for each in (*UNTIL_A_RESTORE, *WHAT_COMES_LATER) if isinstance(each, Step)]
    for title in sections():
        every = Counter(map(str, Step(title).parts()))
        run = Counter(str(part) for step in steps if step.title == title for part in step.parts())
        assert every
        assert not every - run
