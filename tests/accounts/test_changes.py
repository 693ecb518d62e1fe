"""What an act costs: only what it has changed is read again, and nothing if it changes nothing."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import ClassVar, get_args

import pytest

from chatcore.accounts import ROLES, Accounts, Administration
from chatcore.accounts.links import PublicUrl
from chatcore.accounts.moderation import moderate
from chatcore.accounts.records import BanEntry, InviteEntry
from chatcore.accounts.redemption import redeem
from chatcore.accounts.refusals import Refused
from chatcore.accounts.snapshot import EMPTY, Snapshot
from chatcore.accounts.statements import AccountsFile, PersonRow
from chatcore.accounts.tokens import digest, id_of, new_invite
from chatcore.accounts.touched import ALL
from chatcore.gate import Act, Moderation, Person
from tests.accounts.people import Clock, Watch, act, ask, enter, gate_over, key_of

ADA = frozenset({"ada"})
TOGETHER = frozenset({"ada", "bob"})


# --- what is read again --------------------------------------------------------------------------


class Reads(AccountsFile):
    """A file that counts how often it is read as a whole."""

    counts: ClassVar[Counter[str]] = Counter()

    def people(self) -> Iterator[PersonRow]:
        self.counts["people"] += 1
        return super().people()

    def bans(self) -> list[BanEntry]:
        self.counts["bans"] += 1
        return super().bans()

    def admitted(self) -> Iterator[tuple[str, str]]:
        self.counts["admitted"] += 1
        return super().admitted()

    def admitted_to(self, room: str) -> frozenset[str]:
        self.counts["admitted_to"] += 1
        return super().admitted_to(room)


@pytest.fixture
def reads() -> Iterator[Counter[str]]:
    Reads.counts.clear()
    yield Reads.counts
    Reads.counts.clear()


def test_an_act_on_a_room_reads_that_room_and_nothing_else(
    path: Path, stack: ExitStack, reads: Counter[str]
) -> None:
    gate = stack.enter_context(closing(gate_over(path, file=Reads)))
    assert reads == {"people": 1, "bans": 1, "admitted": 1}
    reads.clear()
    for number in range(10):
        what: Act = "open" if number % 2 else "close"
        assert act(gate, "ada", what, "ops", present=ADA) is None
    assert reads == {"admitted_to": 10}
    ask(gate.invite_device, enter(gate, "ada"))
    act(gate, "mona", "lift", None, "ada")
    act(gate, "bob", "ban", None, "ada")
    assert reads == {"admitted_to": 10}
    act(gate, "mona", "mute", None, "ada")
    assert reads == {"admitted_to": 10, "bans": 1}


def test_what_another_process_has_changed_is_read_as_a_whole(
    path: Path, stack: ExitStack, reads: Counter[str], book: Administration
) -> None:
    gate = stack.enter_context(closing(gate_over(path, file=Reads)))
    book.set_role("ada", "guest")
    act(gate, "mona", "close", "ops")
    assert reads["people"] == 2
    assert gate._snapshot.people["ada"].role == "guest"


# --- it is the same as reading everything --------------------------------------------------------

STAFF = ("olga", "mona")  # who act much, so they stay
MEMBERS = ("ada", "bob", "gus", "zoe", "zac")
NAMES = (*STAFF, *MEMBERS)
ROOMS = ("ops", "den", "attic")


class Chance:
    """Does anything at all to a file, over and over."""

    def __init__(self, file: AccountsFile, seed: int) -> None:
        self.file = file
        self.random = random.Random(seed)
        self.now = 1_000.0
        self.done: Counter[str] = Counter()
        self.steps: tuple[Callable[[], object], ...] = (
            *[self.act] * 12,
            *[self.enter] * 3,
            self.forget_room,
            self.admit,
            self.keep,
            self.dismiss,
            self.set_role,
            self.revoke,
            self.remove,
            self.publish,
            self.ban_an_address,
            self.pass_time,
        )

    def step(self) -> None:
        """Do one thing, or have it refused."""
        step = self.random.choice(self.steps)
        with suppress(Refused), self.file.transaction():
            self.file.remove_ended(self.now)
            step()
            self.done[step.__name__] += 1

    def act(self) -> None:
        name, pick = self.random.choice(STAFF + NAMES), self.random.choice
        what = Moderation(
            pick(get_args(Act)),
            pick((None, *ROOMS)),
            pick((None, *NAMES)),
            pick((None, 0.0, 5.0, 1e9)),
            pick((None, "why")),
            frozenset(self.random.sample(NAMES, 3)),
        )
        moderate(self.file, Person(name, "member", id_of(digest(key_of(name)))), what, self.now)

    def enter(self) -> None:
        pick, secret = self.random.choice, new_invite()
        name = pick((None, *(person.folded for person in self.file.people())))
        entry = InviteEntry(
            id_of(digest(secret)), "guest", name, pick((None, *ROOMS)), 2, self.now + 9, "local:x"
        )
        self.file.add_invite(entry, digest(secret))
        key = digest(key_of(pick(NAMES), pick(("phone", "new"))))
        redeem(self.file, pick(NAMES), key, digest(secret), self.now)

    def forget_room(self) -> None:
        self.file.forget_room(self.random.choice(ROOMS))

    def admit(self) -> None:
        self.file.admit(self.random.choice(ROOMS), self.random.sample(NAMES, 3))

    def keep(self) -> None:
        self.file.close_room(self.random.choice(ROOMS), None)

    def dismiss(self) -> None:
        self.file.dismiss(self.random.choice(ROOMS), self.random.choice(NAMES))

    def set_role(self) -> None:
        self.file.set_role(self.random.choice(MEMBERS), self.random.choice(ROLES))

    def revoke(self) -> None:
        keys = [key for key in self.file.live_keys() if key.folded in MEMBERS]
        self.file.revoke([key.id for key in keys[:1]], self.now)

    def remove(self) -> None:
        if not self.random.randrange(20):
            self.file.remove_person(self.random.choice(MEMBERS), self.now)

    def publish(self) -> None:
        self.file.set_urls([PublicUrl(f"chats://host{self.random.randrange(3)}:1/")])

    def ban_an_address(self) -> None:
        self.file.set_ban(BanEntry("address", "192.0.2.0/24", None, self.now + 7, None))

    def pass_time(self) -> None:
        self.now += self.random.random() * 5


@pytest.mark.parametrize("seed", range(4))
def test_reading_what_has_changed_is_the_same_as_reading_everything(path: Path, seed: int) -> None:
    with closing(AccountsFile(path)) as file:
        chance, snapshot = Chance(file, seed), Snapshot.load(file)
        for _ in range(600):
            chance.step()
            snapshot = snapshot.renewed(file, file.take_touched())
            assert snapshot == Snapshot.load(file)
        assert len(chance.done) == len(set(chance.steps))
        assert chance.done["act"] > 20


def test_all_that_is_known_is_read_by_some_table(path: Path) -> None:
    with closing(AccountsFile(path)) as file, file.transaction():
        file.close_room("ops", "ada")
        file.admit("ops", ["ada"])
        file.set_urls([PublicUrl("chats://host:1/")])
        for kind in ("ban", "mute"):
            file.set_ban(BanEntry(kind, "bob", None, None, None))
        file.set_ban(BanEntry("address", "192.0.2.0/24", None, None, None))
    with closing(AccountsFile(path)) as file:
        loaded = Snapshot.load(file)
    same = [name for name in Snapshot.__slots__ if getattr(loaded, name) == getattr(EMPTY, name)]
    assert (same, len(ALL)) == ([], 5)


# --- who is looked at ----------------------------------------------------------------------------


def drain(watch: Watch) -> int:
    """Return how often the hub was told to look at everybody."""
    count = 0
    while watch.was_revised(0.0):
        count += 1
    return count


def version(file: AccountsFile, gate: Accounts) -> tuple[int, Snapshot]:
    """Return what differs when the file was written, and what is in force."""
    return file.data_version(), gate._snapshot


@pytest.mark.parametrize(
    ("by", "what", "room", "nick", "seconds"),
    [
        ("ada", "close", "ops", None, None),
        ("mona", "open", "lobby", None, None),
        ("ada", "admit", "ops", "bob", None),
        ("ada", "kick", "ops", "gus", None),
        ("mona", "mute", None, "ada", None),
        ("mona", "mute", "lobby", "ada", 60.0),
        ("mona", "ban", "den", "ada", None),
        ("mona", "lift", None, "bob", None),
    ],
)
def test_what_is_so_already_is_answered_and_nothing_comes_of_it(
    path: Path,
    by: str,
    what: Act,
    room: str | None,
    nick: str | None,
    seconds: float | None,
    stack: ExitStack,
) -> None:
    watch, clock = Watch(), Clock()
    gate = stack.enter_context(closing(gate_over(path, watch, clock)))
    act(gate, "ada", "close", "ops", present=TOGETHER)
    act(gate, "mona", "mute", None, "ada")
    act(gate, "mona", "mute", "lobby", "ada", 60.0)
    act(gate, "mona", "ban", "den", "ada")
    file = stack.enter_context(closing(AccountsFile(path)))
    drain(watch)
    written, known = version(file, gate)
    entries = file.audit(1_000)
    assert act(gate, by, what, room, nick, seconds, TOGETHER) is None
    assert version(file, gate) == (written, known)
    assert gate._snapshot is known
    assert file.audit(1_000) == entries
    assert (drain(watch), watch.expelled) == (0, [])


@pytest.mark.parametrize(
    ("what", "room", "nick", "times"),
    [
        ("close", "den", None, 1),
        ("mute", None, "ada", 1),
        ("ban", "den", "ada", 1),
        ("lift", None, "bob", 1),
        ("lift", "den", "bob", 0),
        ("open", "ops", None, 0),
        ("admit", "ops", "gus", 0),
        ("kick", "ops", "bob", 0),
        ("kick", "lobby", "bob", 0),
    ],
)
def test_everybody_is_looked_at_only_if_somebody_may_have_lost_a_right_or_may_speak_again(
    gate: Accounts, watch: Watch, book: Administration, what: Act, room: str | None, nick: str, times: int
) -> None:
    before = len(book.audit())  # which is an entry in a log, so it is read before those that follow
    act(gate, "ada", "close", "ops", present=TOGETHER)
    act(gate, "mona", "mute", None, "bob")
    act(gate, "mona", "ban", "den", "bob")
    drain(watch)
    assert act(gate, "mona", what, room, nick) is None
    assert drain(watch) == times
    assert len(book.audit()) == before + 4
    assert len(watch.expelled) == (what == "kick")


def test_a_room_of_which_nothing_is_known_is_removed_without_a_look(gate: Accounts, watch: Watch) -> None:
    gate.room_removed("ops")
    ask(gate.invite_device, enter(gate, "ada"))
    assert drain(watch) == 0
