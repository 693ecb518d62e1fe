"""``chat doctor``: what is wrong, and what to do about it."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatcore.accounts import Administration
from cli.access.keys import KeyFile
from tests.accounts.people import make_accounts, make_earlier
from tests.cli.commands.conftest import Texts
from tests.cli.conftest import Inside
from tests.cli.processes import chat_server
from tests.transports.tls import AUTHORITY, new_certificate
from transports.threaded_tcp import connect


def test_doctor_finds_nothing_wrong_here(inside: Inside) -> None:
    done = inside("doctor")
    assert done.returncode == 0, done.stdout
    assert "transport threaded" in done.stdout
    assert "wrong" not in done.stdout
    assert {"7024", "8024"} == set(re.findall(r"^ok +port (\d+): ", done.stdout, re.MULTILINE))


def test_doctor_approves_a_sound_journal(journal: Path, inside: Inside) -> None:
    done = inside("doctor", "--journal", str(journal))
    assert done.returncode == 0
    assert "3 messages in 2 rooms, no problems found" in done.stdout


def test_doctor_finds_damage(journal: Path, inside: Inside) -> None:
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE messages SET prev = 7 WHERE seq = 2")
    db.close()
    done = inside("doctor", "--journal", str(journal))
    assert done.returncode == 1
    assert "message 2 is damaged" in done.stdout
    assert "backup" in done.stdout


def test_doctor_names_rooms_whose_last_time_lies_ahead(journal: Path, inside: Inside) -> None:
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE rooms SET at = 4102444800.0 WHERE name = 'lobby'")
    db.close()
    done = inside("doctor", "--journal", str(journal))
    assert done.returncode == 1
    assert "lobby: the last message is of 2100-01-01 00:00:00 UTC" in done.stdout
    assert "check this machine's clock" in done.stdout
    assert "other:" not in done.stdout


def test_doctor_gives_a_new_epoch(journal: Path, texts: Texts, inside: Inside) -> None:
    def epoch() -> str:
        with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="ana") as ana:
            return ana.position("lobby").epoch

    before, same = epoch(), epoch()
    done = inside("doctor", "--journal", str(journal), "--new-epoch")
    assert done.returncode == 0
    after = epoch()
    assert before == same != after
    assert after in done.stdout
    assert texts(str(journal), "--room", "lobby") == ["one", "two"]


def test_doctor_names_what_other_users_can_read_or_replace(journal: Path, inside: Inside) -> None:
    assert "other users" not in inside("doctor", "--journal", str(journal)).stdout
    journal.chmod(0o644)
    journal.parent.chmod(0o777)
    done = inside("doctor", "--journal", str(journal))
    assert done.returncode == 1
    assert f"other users can replace files in {journal.parent}" in done.stdout
    assert f"to prevent that: chmod o-w {journal.parent}" in done.stdout
    assert f"to prevent that: chmod go= {journal}" in done.stdout


def test_doctor_gives_no_epoch_to_a_journal_that_is_missing(tmp_path: Path, inside: Inside) -> None:
    done = inside("doctor", "--journal", str(tmp_path / "none.db"), "--new-epoch")
    assert done.returncode == 1
    assert done.stderr == f"chat: there is no journal {tmp_path / 'none.db'}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("days", "code", "found"), [(90, 0, "valid for 89 days"), (13, 1, "renew"), (-1, 1, "expired")]
)
def test_doctor_says_when_a_certificate_ends(
    tmp_path: Path, inside: Inside, days: int, code: int, found: str
) -> None:
    path = tmp_path / "server.pem"
    ends = datetime.now(UTC) + timedelta(days=days)
    path.touch(0o600)
    made = AUTHORITY.issue_cert("chat.example", not_after=ends)
    made.private_key_and_cert_chain_pem.write_to_path(str(path))
    done = inside("doctor", "--cert", str(path))
    assert done.returncode == code, done.stdout
    assert found in done.stdout


def test_doctor_finds_a_key_that_others_can_read(tmp_path: Path, inside: Inside) -> None:
    path = new_certificate(tmp_path)
    assert "key " not in inside("doctor", "--cert", str(path)).stdout
    path.chmod(0o644)
    done = inside("doctor", "--cert", str(path))
    assert done.returncode == 1
    assert f"wrong  key {path}: other users can read or write it\n" in done.stdout
    assert f"chmod go= {path}" in done.stdout


def test_doctor_finds_a_certificate_that_cannot_be_used(tmp_path: Path, inside: Inside) -> None:
    path = tmp_path / "server.pem"
    path.write_text("not a certificate")
    done = inside("doctor", "--cert", str(path))
    assert done.returncode == 1
    assert f"certificate {path}: not usable" in done.stdout


def test_doctor_looks_at_accounts_and_at_keys(tmp_path: Path, inside: Inside) -> None:
    accounts, keys = tmp_path / "accounts.db", KeyFile(tmp_path / "keys.json")
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
    keys.begin("chats://chat.example:7024", "i" * 32, lambda: "secret-key")
    keys.finish("chats://chat.example:7024", "ada", pin=None, insecure=False)
    args = ("doctor", "--accounts", str(accounts), "--key-file", str(keys.path))
    done = inside(*args)
    assert f"ok     accounts {accounts}: 1, 0 public URLs\n" in done.stdout
    assert f"ok     keys {keys.path}: for 1 server\n" in done.stdout
    done = inside("doctor", CHAT_SERVER_ACCOUNTS=str(accounts))
    assert f"ok     accounts {accounts}: 1, 0 public URLs\n" in done.stdout
    accounts.chmod(0o644)
    keys.path.chmod(0o644)
    done = inside(*args)
    assert done.returncode == 1
    assert f"wrong  accounts {accounts}" in done.stdout
    assert f"wrong  keys {keys.path}: other users can read" in done.stdout
    assert f"chmod 600 {keys.path}" in done.stdout
    assert "secret-key" not in done.stdout


@pytest.mark.parametrize("named", ["option", "variable", "file"])
def test_doctor_misses_accounts_that_somebody_has_named(tmp_path: Path, inside: Inside, named: str) -> None:
    path, config = tmp_path / "acounts.db", tmp_path / "chat.toml"
    config.write_text(f'[server]\naccounts = "{path}"\n' if named == "file" else "")
    done = inside(
        "doctor",
        *(("--accounts", str(path)) if named == "option" else ()),
        CHAT_CONFIG=str(config),
        **({"CHAT_SERVER_ACCOUNTS": str(path)} if named == "variable" else {}),
    )
    assert done.returncode == 1
    assert f"wrong  accounts {path}: not usable\n" in done.stdout
    assert f"there is no accounts file {path}" in done.stdout
    assert not path.exists()


def test_doctor_leaves_accounts_of_an_earlier_version_as_they_are(tmp_path: Path, inside: Inside) -> None:
    path = make_accounts(tmp_path / "accounts.db", ada="owner")
    make_earlier(path, 1)
    before = path.read_bytes()
    assert f"ok     accounts {path}: 1, 0 public URLs\n" in inside("doctor", "--accounts", str(path)).stdout
    assert path.read_bytes() == before


@pytest.mark.parametrize("named", ["variable", "file"])
def test_doctor_checks_what_the_server_uses(
    journal: Path, tmp_path: Path, inside: Inside, named: str
) -> None:
    cert = new_certificate(tmp_path)
    config = tmp_path / "chat.toml"
    lines = f'[server]\njournal = "sqlite:{journal}"\ncert = "{cert}"\n'
    config.write_text(lines if named == "file" else "")
    variables = {"CHAT_SERVER_JOURNAL": f"sqlite:{journal}", "CHAT_SERVER_CERT": str(cert)}
    done = inside("doctor", CHAT_CONFIG=str(config), **(variables if named == "variable" else {}))
    assert f"ok     journal {journal}: 3 messages in 2 rooms, no problems found\n" in done.stdout
    assert f"ok     certificate {cert}: valid for " in done.stdout


def test_doctor_leaves_a_journal_without_a_file_and_a_self_made_certificate_to_the_server(
    inside: Inside,
) -> None:
    done = inside("doctor", CHAT_SERVER_JOURNAL="memory", CHAT_SERVER_CERT="auto")
    assert done.returncode == 0, done.stdout
    assert "certificate" not in done.stdout
    assert "journal memory: in memory" in done.stdout  # which is what there is, and no file of that name
    assert done.stdout.count("journal memory") == 1


@pytest.mark.parametrize("named", ["variable", "option"])
def test_doctor_refuses_a_wrong_address_of_a_log(inside: Inside, named: str) -> None:
    address = "nats://HOST?replicas=2"
    done = (
        inside("doctor", "--journal", address)
        if named == "option"
        else inside("doctor", CHAT_SERVER_JOURNAL=address)
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "replicas=2 is invalid" in done.stderr


def test_doctor_leaves_a_new_epoch_of_a_log_to_another_command(tmp_path: Path, inside: Inside) -> None:
    done = inside("doctor", "--journal", f"nats://HOST?state={tmp_path / 'copy.db'}", "--new-epoch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gets a new epoch by `chat cluster new-epoch`" in done.stderr
