"""``chat doctor``: what can be wrong with an installation, and what to do about it.

Each check is a function that yields what it found; some are in `cli.checks` and `cli.log_checks`. A finding
with advice is a problem, and makes the exit code 1; a finding without advice is for bug reports.
"""

import importlib.util
import platform
from collections.abc import Iterator
from importlib.metadata import files, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from chatcore import (
    COMPILED,
    JournalError,
    UsageError,
    __version__,
    check_journal,
    renew_epoch,
)
from chatcore.journal import find_journals
from chatcore.transport import Listen, find_transports
from cli.checks import Finding, check_accounts, check_certificate, check_keys, counted
from cli.commands.transports import choose
from cli.descriptors import require_descriptors
from cli.log_checks import check_accounts_log, check_log
from cli.places import accounts_file, certificate_file, journal_file, keys_file
from cli.ports import why_not_free
from cli.settings.addresses import DEFAULT_URLS
from cli.settings.journals import choose as choose_journal
from cli.settings.journals import default_path
from cli.streams import write_text

if TYPE_CHECKING:
    from cli.settings.nats_journal import NatsAddress

__all__ = ["Files", "run"]

PACKAGES = ("chatcore", "transports", "cli")

DESCRIPTORS = 16
"""Files that this may have open, and some to spare."""


class Files(NamedTuple):
    """The files to check; the default ones unless they are named. A journal and accounts may be in a log."""

    journal: "Path | NatsAddress | None"
    accounts: "Path | NatsAddress | None"
    cert: Path | None
    cert_key: str | None
    keys: str | None


def run(given: Files, *, new_epoch: bool) -> int:
    """Check everything; return the exit code.

    Raises `JournalError` if ``new_epoch`` is wanted where there is no journal, or a server has it open, and
    `UsageError` where the journal is in a log.
    """
    require_descriptors(DESCRIPTORS, "this command")  # with fewer, a healthy journal cannot be read
    path = given.journal or journal_file()
    if new_epoch:
        if not isinstance(path, Path | None):
            raise UsageError("a log that servers share gets a new epoch by `chat cluster new-epoch`")
        path = path or default_path()
        write_text(f"the journal {path} has a new epoch: {renew_epoch(path)}\n")
    wrong = 0
    here = (_python, _names, _build, _transports, _journals, _speed, _descriptors, _addresses)
    journal = _journal(path) if isinstance(path, Path | None) else check_log(path)
    found = [check() for check in here] + [journal, *_access(given)]
    for findings in found:
        for finding in findings:
            wrong += bool(finding.advice)
            write_text(f"{'wrong' if finding.advice else 'ok':<6} {finding.what}: {finding.found}\n")
            if finding.advice:
                write_text(f"       {finding.advice}\n")
    return 1 if wrong else 0


def _access(given: Files) -> Iterator[Iterator[Finding]]:
    """Yield the checks of who may come in, and how."""
    if isinstance(given.accounts, Path | None):
        yield check_accounts(given.accounts, accounts_file())
    else:
        yield check_accounts_log(given.accounts)
    own = certificate_file()
    yield check_certificate(given.cert or (own if own and own.exists() else None), given.cert_key)
    yield check_keys(Path(given.keys) if given.keys else keys_file())


def _python() -> Iterator[Finding]:
    yield Finding("chat", f"{__version__} on Python {platform.python_version()}, {platform.system()}")
    for name in ("pydantic", "typer", "prompt_toolkit", "platformdirs"):
        yield Finding(name, version(name))


def _names() -> Iterator[Finding]:
    # The three packages have common names: another distribution may have overwritten our files.
    owners = packages_distributions()
    for name in PACKAGES:
        others = sorted(set(owners.get(name, [])) - {"chatcore"})
        spec = importlib.util.find_spec(name)
        place = str(Path(spec.origin).parent) if spec and spec.origin else "nowhere"
        advice = ""
        if others:
            advice = (
                f"{', '.join(others)} has a package of the same name; install chat in its own environment"
            )
        yield Finding(f"package {name}", place, advice)


def _build() -> Iterator[Finding]:
    yield Finding("build", "compiled" if COMPILED else "pure Python")
    installed = {Path(str(file.locate())).resolve() for file in files("chatcore") or ()}
    for path in _compiled_files():
        if path.resolve() not in installed:
            yield Finding(
                f"file {path}", "left by a build", "it hides its source, whatever you edit there; remove it"
            )


def _compiled_files() -> Iterator[Path]:
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            files_of_package = Path(spec.origin).parent.rglob("*")
            yield from sorted(path for path in files_of_package if path.suffix in (".so", ".pyd"))


def _transports() -> Iterator[Finding]:
    for name in find_transports():
        try:
            yield Finding(f"transport {name}", choose(name).summary)
        except UsageError as error:
            yield Finding(f"transport {name}", "broken", f"{error}; uninstall or update it")


def _journals() -> Iterator[Finding]:
    for name in find_journals():
        try:
            yield Finding(f"journal {name}", choose_journal(name).summary)
        except UsageError as error:
            yield Finding(f"journal {name}", "broken", f"{error}; uninstall or update it")


def _speed() -> Iterator[Finding]:
    installed = importlib.util.find_spec("uvloop") is not None
    yield Finding("uvloop", "installed" if installed else "not installed (optional: install chatcore[fast])")


def _descriptors() -> Iterator[Finding]:
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = hard != resource.RLIM_INFINITY and hard < 1_100
    yield Finding(
        "open files",
        "unlimited" if hard == resource.RLIM_INFINITY else f"{hard:,} allowed",
        "1,000 connections, the default limit, need 1,100; raise it with `ulimit -Hn`" if few else "",
    )


def _journal(path: Path | None) -> Iterator[Finding]:
    if path is None:
        advice = "set HOME, or name a journal with `chat server --journal` and `chat doctor --journal`"
        yield Finding("journal", "no place for it, since there is no home directory", advice)
        return
    if not path.exists():
        yield Finding(f"journal {path}", "there is none yet")
        return
    try:
        report = check_journal(path)
    except JournalError as error:
        yield Finding(f"journal {path}", "broken", f"{error}; restore a backup with `chat restore`")
        return
    for problem in report.problems[:10]:
        yield Finding(f"journal {path}", problem, "restore a backup with `chat restore`")
    for problem in report.ahead[:10]:
        advice = "check this machine's clock; later messages of the room show that time too until it comes"
        yield Finding(f"journal {path}", f"{problem}, which is ahead of the clock", advice)
    for exposed in report.exposed:
        found, _, advice = exposed.partition("; ")
        yield Finding(f"journal {path}", found, advice)
    if not report.problems:
        holds = f"{counted(report.messages, 'message')} in {counted(report.rooms, 'room')}"
        yield Finding(f"journal {path}", f"{holds}, no problems found")
    yield Finding("search index", *report.index)


def _addresses() -> Iterator[Finding]:
    for listen in map(Listen.parse, DEFAULT_URLS):
        free = why_not_free(listen.host, listen.port) is None
        yield Finding(f"port {listen.port}", "free" if free else "in use, perhaps by a chat server")
