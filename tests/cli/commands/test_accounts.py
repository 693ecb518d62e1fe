"""`chat account`, `chat invite`, `chat ban`, `chat audit`: what they do to the file, and what they print."""

import json
import os
import pwd
import re
import shlex
import stat
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from chatcore.accounts import Administration, BanEntry, key_id
from chatcore.accounts.statements import AccountsFile
from chatcore.gate import Person
from tests.accounts.people import PEER, Watch, ask, enter, gate_over, key_of
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, chat
from tests.cli.pty import ENTER, in_terminal
from tests.test_readme import blocks_of

LINK = re.compile(r"(chats://chat\.example:7024|https://chat\.example/team)/#([\w-]{32})(\.p{43})?\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where there is no file of accounts yet."""
    return tmp_path / "new" / "accounts.db"


@pytest.fixture
def accounts(path: Path) -> str:
    """A file with an owner and a member, and two addresses of its server."""
    with Administration(path, by="local:test", create=True) as book:
        book.add("ada")
        book.add("bob")
        book.publish(["chats://chat.example", "https://chat.example/team"], "p" * 43)
    return str(path)


def rows(text: str) -> list[list[str]]:
    """Return the columns of a list, without its head."""
    return [re.split(r"  +", line) for line in text.splitlines()[1:]]


def test_the_first_account_makes_the_file_and_is_an_owner(inside: Inside, path: Path) -> None:
    done = inside("account", "add", "Ada", "--accounts", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "Ada is now an owner" in done.stderr
    assert f"chat server --accounts {path} --public-url URL" in done.stderr
    assert f"chat invite --for Ada --accounts {path}" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    inside("account", "add", "bob", "--accounts", str(path))
    inside("account", "add", "mona", "--role", "moderator", "--accounts", str(path))
    listed = rows(inside("account", "list", "--accounts", str(path)).stdout)
    assert [row[:3] for row in listed] == [
        ["Ada", "owner", "0"],
        ["bob", "member", "0"],
        ["mona", "moderator", "0"],
    ]


def test_an_invite_is_a_link_for_each_address_and_nothing_else_on_standard_output(
    inside: Inside, accounts: str, path: Path
) -> None:
    links: list[tuple[str, ...]] = []
    for arguments in (("invite", "--for", "BOB"), ("account", "add", "zoe"), ("invite",)):
        done = inside(*arguments, "--accounts", accounts)
        links = [match.groups() for match in LINK.finditer(done.stdout)]
        assert LINK.sub("", done.stdout) == ""
        assert [bool(pin) for _, _, pin in links] == [True, False]
        assert len({secret for _, secret, _ in links}) == 1
        assert links[0][1] not in done.stderr
    with closing(gate_over(path)) as gate:
        assert isinstance(enter(gate, "made-it", invite=links[0][1]), Person)
    assert "zoe" in inside("account", "list", "--accounts", accounts).stdout


def test_without_an_address_there_is_no_link_and_the_option_is_named(inside: Inside, path: Path) -> None:
    inside("account", "add", "ada", "--accounts", str(path))
    done = inside("invite", "--accounts", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--public-url URL" in done.stderr
    assert inside("invite", "--list", "--accounts", str(path)).stdout == ""


def test_invites_are_listed_without_their_secrets_and_revoked_by_id(inside: Inside, accounts: str) -> None:
    made = inside("invite", "--room", "Ops", "--uses", "3", "--expires", "2h", "--accounts", accounts)
    inside("invite", "--for", "bob", "--accounts", accounts)
    secret = LINK.findall(made.stdout)[0][1]
    listed = inside("invite", "--list", "--accounts", accounts).stdout
    assert secret not in listed
    assert [row[1:4] for row in rows(listed)] == [["a new guest", "ops", "3"], ["bob's devices", "-", "1"]]
    objects = inside("invite", "--list", "--json", "--accounts", accounts).stdout
    assert secret not in objects
    first, second = (json.loads(line) for line in objects.splitlines())
    assert (first["role"], first["room"], first["uses"], second["account"]) == ("guest", "ops", 3, "bob")
    done = inside("invite", "--revoke", first["id"], "--accounts", accounts)
    assert done.stdout == "revoked 1 invite\n"
    assert inside("invite", "--revoke", first["id"], "--accounts", accounts).returncode == 2
    assert inside("invite", "--revoke", "all", "--accounts", accounts).stdout == "revoked 1 invite\n"


def test_keys_are_listed_and_revoked(inside: Inside, accounts: str, path: Path) -> None:
    with Administration(path, by="local:test") as book, closing(gate_over(path)) as gate:
        invite = book.invite(name="bob", uses=2).secret
        phone = enter(gate, "bob", key_of("bob"), invite)
        enter(gate, "bob", key_of("bob", "laptop"), invite)
        assert isinstance(phone, Person)
        listed = inside("account", "keys", "bob", "--accounts", accounts).stdout
        assert phone.key_id in [row[0] for row in rows(listed)]
        assert len(rows(listed)) == 2
        assert inside("account", "revoke", "bob", "--accounts", accounts).returncode == 2
        tablet = enter(gate, "bob", key_of("bob", "tablet"), ask(gate.invite_device, phone).secret)
        assert isinstance(tablet, Person)
        objects = inside("account", "keys", "bob", "--json", "--accounts", accounts).stdout.splitlines()
        assert phone.key_id in [json.loads(line).get("invited_by") for line in objects]
        done = inside("account", "revoke", "bob", f"{phone.key_id}", "--accounts", accounts)
        assert done.stdout == (
            "revoked 2 keys of bob\n"
            f"With {phone.key_id} went the keys that came from its invites: {tablet.key_id}\n"
        )
        assert inside("account", "revoke", "bob", "0123", "--accounts", accounts).returncode == 2
        assert inside("account", "revoke", "bob", "--all", "--accounts", accounts).stdout.startswith(
            "revoked 1"
        )
    assert inside("account", "keys", "bob", "--json", "--accounts", accounts).stdout == ""


def test_a_server_sees_what_a_command_does(inside: Inside, accounts: str, path: Path) -> None:
    watch = Watch()
    with closing(gate_over(path, watch)) as gate, Administration(path, by="local:test") as book:
        bob = enter(gate, "bob", invite=book.invite(name="bob").secret)
        assert isinstance(bob, Person)
        while watch.was_revised(0.0):
            pass
        assert inside("ban", "bob", "--for", "1h", "--reason", "spam", "--accounts", accounts).returncode == 0
        assert watch.was_revised()
        assert gate.may_stay(bob, PEER) is not None
        assert inside("unban", "BOB", "--accounts", accounts).returncode == 0
        assert watch.was_revised()
        assert gate.may_stay(bob, PEER) is None


def test_bans_are_listed(inside: Inside, accounts: str) -> None:
    inside("ban", "bob", "--for", "1h", "--reason", "spam", "--accounts", accounts)
    inside("ban", "203.0.113.9/24", "--accounts", accounts)
    listed = rows(inside("bans", "--accounts", accounts).stdout)
    assert [(row[0], row[1], row[4]) for row in listed] == [
        ("203.0.113.0/24", "banned", "-"),
        ("bob", "banned", "spam"),
    ]
    objects = [
        json.loads(line) for line in inside("bans", "--json", "--accounts", accounts).stdout.splitlines()
    ]
    assert [each.get("until", "")[-1:] for each in objects] == ["", "Z"]
    assert inside("unban", "203.0.113.0/24", "--accounts", accounts).returncode == 0
    done = inside("unban", "203.0.113.0/24", "--accounts", accounts)
    assert (done.returncode, done.stdout) == (2, "")


def test_an_account_is_spelled_in_bans_as_everywhere(inside: Inside, accounts: str) -> None:
    inside("account", "add", "Grace", "--accounts", accounts)
    done = inside("ban", "grace", "--accounts", accounts)
    assert done.stdout.startswith("banned Grace ")
    assert rows(inside("bans", "--accounts", accounts).stdout)[0][0] == "Grace"
    done = inside("bans", "--json", "--accounts", accounts)
    assert json.loads(done.stdout)["target"] == "Grace"


def ban_in(path: Path, *bans: tuple[Literal["ban", "mute"], str | None]) -> None:
    """Note bans or mutes of bob, by kind and room, as a moderator's acts do."""
    with closing(AccountsFile(path)) as file, file.transaction():
        for kind, room in bans:
            file.set_ban(BanEntry(kind, "bob", room, None, None))


def test_a_ban_elsewhere_is_named_with_the_command_that_ends_it(
    inside: Inside, accounts: str, path: Path
) -> None:
    ban_in(path, ("ban", "ops"), ("mute", "ops"), ("mute", "lobby"))
    done = inside("unban", "bob", "--accounts", accounts)
    assert (done.returncode, done.stdout) == (2, "")
    assert "bob is banned or muted in ops, so run: chat unban bob --room ops" in done.stderr
    assert "bob is muted in lobby, so run: chat unban bob --room lobby" in done.stderr
    done = inside("unban", "Bob-phone", "--room", "OPS", "--accounts", accounts)
    assert done.stdout == "Bob-phone is no longer banned or muted in OPS\n"
    done = inside("unban", "bob", "--room", "lobby", "--accounts", accounts)
    assert done.stdout == "bob is no longer muted in lobby\n"
    assert inside("bans", "--accounts", accounts).stdout == ""


def test_a_ban_from_the_server_is_no_ban_from_a_room(inside: Inside, accounts: str, path: Path) -> None:
    ban_in(path, ("mute", None))
    done = inside("unban", "bob", "--room", "ops", "--accounts", accounts)
    assert done.returncode == 2
    assert "bob is muted everywhere, so run: chat unban bob\n" in done.stderr
    assert inside("unban", "bob", "--accounts", accounts).stdout == "bob is no longer muted\n"


def test_a_role_is_changed(inside: Inside, accounts: str) -> None:
    assert inside("account", "role", "BOB", "moderator", "--accounts", accounts).stdout.endswith(
        "moderator\n"
    )
    objects = inside("account", "list", "--json", "--accounts", accounts).stdout.splitlines()
    assert {json.loads(line)["name"]: json.loads(line)["role"] for line in objects} == {
        "ada": "owner",
        "bob": "moderator",
    }


def test_the_audit_says_which_user_of_the_machine_it_was(inside: Inside, accounts: str) -> None:
    inside("ban", "bob", "--for", "1h", "--reason", "spam", "--accounts", accounts, LOGNAME="mallory")
    user = pwd.getpwuid(os.getuid()).pw_name
    text = inside("audit", "-n", "1", "--accounts", accounts).stdout
    assert rows(text)[0][1:] == [f"local:{user}", "ban", "-", "bob", "1h", "spam"]
    line = inside("audit", "-n", "1", "--json", "--accounts", accounts).stdout
    found = json.loads(line)
    assert (found["by"], found["act"], found["target"], found["reason"]) == (
        f"local:{user}",
        "ban",
        "bob",
        "spam",
    )


def test_the_audit_is_shown_whole_if_more_is_asked_for(inside: Inside, accounts: str) -> None:
    done = inside("audit", "-n", "99999999999999999999", "--accounts", accounts)
    assert (done.returncode, len(rows(done.stdout))) == (0, 3)


def test_an_invite_can_be_for_very_many(inside: Inside, accounts: str) -> None:
    inside("invite", "--uses", "1000000", "--accounts", accounts)
    assert rows(inside("invite", "--list", "--accounts", accounts).stdout)[0][3] == "1000000"


def test_the_audit_names_the_account_that_has_a_new_key(inside: Inside, accounts: str, path: Path) -> None:
    with Administration(path, by="local:test") as book:
        invite = book.invite(name="bob", room="ops")
    with closing(gate_over(path)) as gate:
        assert isinstance(enter(gate, "bob", invite=invite.secret), Person)
    text = inside("audit", "-n", "1", "--accounts", accounts).stdout
    reason = f"key {key_id(key_of('bob'))}, invite {invite.id}"
    assert rows(text)[0][1:] == ["bob", "enroll", "ops", "bob", "-", reason]


def test_a_reason_that_was_stored_makes_no_row_of_its_own(inside: Inside, accounts: str, path: Path) -> None:
    reason = "x\n2026-01-01 00:00  root  ban\r\x1b[2J\u2028\x85"
    with Administration(path, by="local:test") as book:
        book.ban("bob", reason=reason)
    for command in ("bans", "audit"):
        text = inside(command, "--accounts", accounts).stdout
        assert text.rstrip().endswith(r"x\n2026-01-01 00:00  root  ban\r\x1b[2J\u2028\x85")
        lines = inside(command, "--json", "--accounts", accounts).stdout.rstrip("\n").split("\n")
        assert json.loads(lines[-1])["reason"] == reason
        assert len(text.splitlines()) == 1 + len(lines)


def test_an_account_is_removed_after_a_question(accounts: str, inside: Inside) -> None:
    done = inside("account", "remove", "bob", "--accounts", accounts)
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    with in_terminal(CHAT, "account", "remove", "bob", "--accounts", accounts) as terminal:
        terminal.wait("Nobody can have the name again")
        terminal.type("y" + ENTER)
        assert terminal.wait_exit() == 0
    assert inside("account", "remove", "bob", "--yes", "--accounts", accounts).returncode == 2
    assert inside("account", "add", "bob-x", "--accounts", accounts).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "add", "root"),
        ("account", "add", "Owner"),
        ("account", "add", "ADA"),
        ("account", "add", "zoe", "--role", "king"),
        ("account", "role", "nobody", "member"),
        ("account", "role", "bob", "king"),
        ("account", "keys", "nobody"),
        ("invite", "--for", "nobody"),
        ("invite", "--for", "bob", "--role", "owner"),
        ("invite", "--expires", "soon"),
        ("invite", "--expires", "0d"),
        ("invite", "--uses", "0"),
        ("invite", "--uses", "1000001"),
        ("invite", "--uses", "99999999999999999999"),
        ("invite", "--room", "a b"),
        ("ban", "nobody"),
        ("ban", "203.0.113.0/33"),
        ("ban", "bob", "--for", "never"),
        ("ban", "bob", "--reason", "x\nbob  banned"),
        ("ban", "bob", "--reason", "a\x1b[2Jb"),
        ("ban", "bob", "--reason", "x" * 129),
        ("ban", "\udcff"),
        ("account", "add", "\udcff"),
        ("audit", "-n", "0"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_changes_nothing(
    inside: Inside, accounts: str, path: Path, arguments: tuple[str, ...]
) -> None:
    before = path.read_bytes()
    done = (
        chat(*arguments, "--accounts", accounts)
        if arguments[1] == "--uses" or "-n" in arguments
        else (inside(*arguments, "--accounts", accounts))
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert path.read_bytes() == before


def test_without_a_file_only_the_first_account_makes_one(inside: Inside, path: Path) -> None:
    for arguments in (
        ("account", "list"),
        ("invite",),
        ("ban", "bob"),
        ("audit",),
        ("account", "role", "bob", "owner"),
    ):
        done = inside(*arguments, "--accounts", str(path))
        assert done.returncode == 1
        assert "chat account add NAME" in done.stderr
    assert not path.exists()


def test_the_file_is_the_one_of_the_server_by_default(inside: Inside, accounts: str, tmp_path: Path) -> None:
    assert "ada" in inside("account", "list", CHAT_SERVER_ACCOUNTS=accounts).stdout
    data = tmp_path / "data"
    done = inside("account", "add", "eve", XDG_DATA_HOME=str(data), HOME=str(tmp_path))
    assert done.returncode == 0
    assert [file.name for file in data.rglob("*.db")] == ["accounts.db"]


# --- what docs/operations.md says ----------------------------------------------------------------


def test_the_commands_of_the_document_work_in_its_order(inside: Inside, path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
    section = document.partition("\n## Accounts\n")[2].partition("\n## ")[0]
    blocks = [block.text for block in blocks_of(section) if block.mark == "sh"]
    lines = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(lines) == 15
    links = 0
    for arguments in lines:
        done = inside(*arguments, CHAT_SERVER_ACCOUNTS=str(path))
        assert done.returncode == 0, done.stderr
        links += "/#" in done.stdout
        with Administration(path, by="local:test") as book:
            book.publish(["chats://chat.example.org"])
    assert links == 4
