"""What the packages promise about themselves: what they export, what they import, how large they are."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import chatcore
import cli
import transports
from cli.app import app

ROOT = Path(__file__).parent.parent
PACKAGES = (chatcore, transports, cli)
TIMEOUT = 50.0

LINES = 400
"""The most lines that a file may have, without its comments, docstrings and empty lines."""


def source_files() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(source_files())
MODULES = sorted(FILES)


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text("utf-8"))


@cache
def nodes_of(name: str) -> Sequence[ast.AST]:
    """Return all of a module, which many tests look through: to walk it takes longer than they do."""
    return [*ast.walk(tree_of(name))]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter that has loaded none of our modules."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("CHAT_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after some code."""
    done = python("-c", f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n"))


# --- what a module exports -----------------------------------------------------------------------


# Functions that typer calls and no module imports.
COMMANDS = {
    "cli.app": {
        each.callback.__name__
        for each in (
            *app.registered_commands,
            app.registered_callback,
            *(
                command
                for group in app.registered_groups
                if group.typer_instance is not None
                for command in group.typer_instance.registered_commands
            ),
        )
        if each is not None and each.callback is not None
    }
}


def in_order(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then the rest, as the linter does."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def defined_here(module: ModuleType) -> set[str]:
    """Return the public classes and functions that a module defines.

    A constant need not be exported as long as no other module imports it.
    """
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


@cache
def imported() -> dict[str, set[str]]:
    """Return what modules of ours import from each other by name."""
    found: dict[str, set[str]] = {name: set() for name in MODULES}
    for name in MODULES:
        for node in nodes_of(name):
            if isinstance(node, ast.ImportFrom) and node.module in found:
                names = {alias.name for alias in node.names}
                found[node.module] |= {each for each in names if f"{node.module}.{each}" not in FILES}
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_exports_exactly_its_public_names(name: str) -> None:
    module = importlib.import_module(name)
    if len(tree_of(name).body) == 1:
        return  # a package that is only a docstring
    exported: list[str] = module.__all__
    assert exported == sorted(set(exported), key=in_order)
    assert [name for name in exported if not hasattr(module, name)] == []
    assert sorted(defined_here(module) - set(exported) - COMMANDS.get(name, set())) == []


@pytest.mark.parametrize("name", MODULES)
def test_names_that_other_modules_import_are_exported(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(imported()[name] - set(getattr(module, "__all__", ()))) == []


# --- what a module imports -----------------------------------------------------------------------

FORBIDDEN = {"asyncio", "socket", "selectors", "ssl", "socketserver", "uvloop", "typer", "prompt_toolkit"}

# What the core depends on; the core is not responsible for what these load.
GROUND = "import pydantic, pydantic.root_model, importlib.metadata, ipaddress, logging, uuid"


@pytest.fixture(scope="module")
def ground() -> set[str]:
    return loaded_by(GROUND)


def test_the_core_loads_no_module_for_io_or_user_interfaces(ground: set[str]) -> None:
    core = [name for name in MODULES if name.partition(".")[0] == "chatcore"]
    loaded = loaded_by("\n".join(f"import {name}" for name in core))
    assert set(core) <= loaded
    assert (loaded - ground) & FORBIDDEN == set()
    assert not {name.partition(".")[0] for name in loaded} & {"transports", "cli"}


def test_a_transport_loads_nothing_of_the_command_line() -> None:
    loaded = loaded_by("import transports.asyncio_tcp, transports.threaded_tcp")
    assert not {name.partition(".")[0] for name in loaded} & {"cli", "typer", "prompt_toolkit"}


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["--version"], {}, f"chat {chatcore.__version__} (pure Python)"),
        (["--help"], {}, "Exit codes:"),
        ([], {"_CHAT_COMPLETE": "source_bash"}, "complete -o default -F _chat_completion chat"),
        ([], {"_CHAT_COMPLETE": "complete_bash", "COMP_WORDS": "chat ta", "COMP_CWORD": "1"}, "tail"),
        (
            [],
            {"_CHAT_COMPLETE": "complete_bash", "COMP_WORDS": "chat server --transport t", "COMP_CWORD": "3"},
            "threaded",
        ),
        (
            [],
            {
                "_CHAT_COMPLETE": "complete_bash",
                "COMP_WORDS": "chat --config /dev/null tail ",
                "COMP_CWORD": "4",
            },
            "lobby",
        ),
    ],
)
def test_version_help_and_completion_load_few_modules(
    arguments: list[str], variables: dict[str, str], expected: str
) -> None:
    code = (
        f"import contextlib, os, sys\nsys.argv = {['chat', *arguments]}\nos.environ.update({variables})\n"
        "with contextlib.suppress(SystemExit):\n    from cli.app import main\n    main()"
    )
    loaded = loaded_by(code)  # and what was printed before
    assert expected in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"pydantic", "prompt_toolkit", "transports"}
    assert not {"asyncio", "sqlite3"} & loaded


def test_sending_a_message_loads_few_modules() -> None:
    """Each costs time, and a script may send one every second: this stands for a limit on seconds."""
    code = (
        "import contextlib, os, sys\nos._exit = sys.exit  # it would not come back from there\n"
        "sys.argv = ['chat', 'send', 'ops', 'hi', '--url', 'chat://127.0.0.1:1']\n"
        "with contextlib.suppress(SystemExit):\n    from cli.app import main\n    main()"
    )
    loaded = loaded_by(code)
    assert "transports.threaded_tcp.posting" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"pydantic", "pydantic_core", "prompt_toolkit"}
    assert not {"asyncio", "ssl", "sqlite3", "chatcore.messages", "importlib.metadata"} & loaded
    others = [name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names]
    assert len(others) < 109
    assert len(loaded) < 280


def test_a_server_loads_no_more_than_its_transport_and_its_journal_need() -> None:
    loaded = loaded_by("import cli.commands.server, transports.threaded_tcp")
    assert not {name.partition(".")[0] for name in loaded} & {"prompt_toolkit", "rich", "asyncio", "sqlite3"}


def test_imports_respect_the_floors() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


# --- who owns which state ------------------------------------------------------------------------


def stored_attributes(nodes: Iterable[ast.AST]) -> Iterator[ast.Attribute]:
    """Yield the attributes that a piece of code sets or deletes, in whatever form."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node


def is_own(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id in ("self", "cls")


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("chatcore")])
def test_no_code_assigns_an_attribute_of_another_object(name: str) -> None:
    foreign = [each for each in stored_attributes(nodes_of(name)) if not is_own(each)]
    assert [f"{each.lineno}: {ast.unparse(each)}" for each in foreign] == []
    calls = [node.func for node in nodes_of(name) if isinstance(node, ast.Call)]
    assert not [each for each in calls if isinstance(each, ast.Name) and each.id in ("setattr", "delattr")]


@pytest.mark.parametrize(
    "code",
    ["a.b = 1", "a.b += 1", "del a.b", "a.b: int = 1", "self.a.b = 1", "for a.b in c: ...", "a.b, c = 1, 2"],
)
def test_every_form_of_assignment_to_another_object_is_detected(code: str) -> None:
    (found,) = stored_attributes(ast.walk(ast.parse(code)))
    assert not is_own(found)


# --- clocks --------------------------------------------------------------------------------------


WALL_CLOCK = {
    "chatcore.accounts.administration": "when what is made here ends, in the file",
    "chatcore.accounts.replicated.administration": "which bans and invites have ended, as it lists them",
    "chatcore.accounts.writer": "when bans and mutes end; how often somebody acts is for another clock",
    "chatcore.ids": "ids in the order of their making; they are unique without it",
    "chatcore.journal.memory": "the times that messages show",
    "chatcore.journal.sqlite.check": "to find times that lie ahead",
    "chatcore.journal.sqlite.writer": "the times that messages show, and their age after a restart",
    "chatcore.replication.memory": "when an entry was taken, as a log on other machines says it",
    "cli.checks": "until when a certificate is valid",
    "cli.log_checks": "whether the times of a log lie ahead, and which of its entries are new",
    "cli.commands.backup": "which bans and invites of the accounts have ended",
    "cli.queries": "times as the user writes them",
    "cli.terminal.commands": "the same",
    "cli.terminal.memory": "since when the user was away, across runs",
    "cli.terminal.outbox": "how old a line of an earlier run is; one from the future is not young",
    "cli.terminal.painter": "times as the user reads them",
    "transports.jetstream.looking": "how far the clock of another machine is off",
    "transports.jetstream.monitor": "the same",
    "transports.certificates": "from when on a new certificate is valid: the day before",
}
"""The modules that read a clock that may be set back or forward, and why. Paces and deadlines never do."""


def test_a_clock_that_may_be_set_is_read_for_dates_alone() -> None:
    reading = {
        name
        for name in MODULES
        for node in nodes_of(name)
        if isinstance(node, ast.Attribute)
        and re.fullmatch(r"time\.time(_ns)?|(datetime|date)\.(now|utcnow|today)", ast.unparse(node))
    }
    assert reading == set(WALL_CLOCK)


# --- the front door ------------------------------------------------------------------------------


def names_imported(name: str, package: str) -> set[str]:
    """Return what a module imports from a package by name, other than the modules in it."""
    return {
        alias.name
        for node in nodes_of(name)
        if isinstance(node, ast.ImportFrom) and node.module == package
        for alias in node.names
        if f"{package}.{alias.name}" not in FILES
    }


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("chatcore.")])
def test_the_core_does_not_enter_by_its_own_front_door(name: str) -> None:
    # Else the two sides could meet there, and no contract would see it.
    assert names_imported(name, "chatcore") == set()


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("transports.")])
def test_only_clients_take_frames_from_the_front_door(name: str) -> None:
    if not name.endswith((".client", ".connection")):
        assert names_imported(name, "chatcore") <= {"Hub"}


PUBLIC = (
    "chatcore",
    "chatcore.accounts",
    "chatcore.cluster",
    "chatcore.gate",
    "chatcore.logs",
    "chatcore.transport",
    "chatcore.journal",
    "chatcore.wire",
)


@pytest.mark.parametrize("name", [name for name in MODULES if name.partition(".")[0] == "cli"])
def test_the_command_line_imports_only_what_is_public(name: str) -> None:
    clients = {"transports.asyncio_tcp", "transports.threaded_tcp", "transports.threaded_tcp.posting"}
    servers = {
        "transports.certificates",
        "transports.jetstream",
        "transports.listening",
        "transports.web",
    }
    # What only `chat doctor` and `chat cluster status` look at: the copies of a server, who wrote to a log.
    looking = {
        "chatcore.accounts.replicated.state",
        "chatcore.journal.replicated.checking",
        "chatcore.journal.replicated.state",
        "chatcore.roster.census",
    }
    allowed = {*PUBLIC, *clients, *servers, *looking}
    modules = {node.module or "" for node in nodes_of(name) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in modules if module.partition(".")[0] in ("chatcore", "transports")}
    assert ours - allowed == set()


# --- where to start reading ----------------------------------------------------------------------

PACKAGES_WITH_FILES = sorted(name for name, path in FILES.items() if path.name == "__init__.py")


@pytest.mark.parametrize("name", PACKAGES_WITH_FILES)
def test_the_docstring_of_a_package_names_all_of_its_files(name: str) -> None:
    introduction = ast.get_docstring(tree_of(name)) or ""
    inside = {each.removeprefix(f"{name}.") for each in MODULES if each.startswith(f"{name}.")}
    files = {each for each in inside if "." not in each and each != "__main__"}
    assert sorted(each for each in files if f"`{each}`" not in introduction) == []


# --- the rest ------------------------------------------------------------------------------------


def test_the_project_and_the_package_have_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == chatcore.__version__


def lines_of_code(name: str) -> int:
    """Return how many lines of a module hold code: not a comment, not a docstring, not empty."""
    docstrings = {
        line
        for node in nodes_of(name)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in docstrings
        for number, line in enumerate(FILES[name].read_text("utf-8").splitlines(), 1)
    )


@pytest.mark.parametrize("name", MODULES)
def test_no_file_has_more_lines_of_code_than_the_limit(name: str) -> None:
    assert lines_of_code(name) <= LINES


def test_no_test_sleeps() -> None:
    # The linter sees `time.sleep`; this sees every other way to call it.
    sleeping = re.compile(r"\bsleep\((?!0\))|import sleep\b")
    sleepers = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if sleeping.search(line)
    ]
    assert sleepers == []


# --- what the document says ----------------------------------------------------------------------

DOCUMENT = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_the_architecture_document_names_only_what_exists() -> None:
    exported: dict[str, list[object]] = {}  # a view has the same name as what it shows
    for module in map(importlib.import_module, MODULES):
        for name in getattr(module, "__all__", ()):
            exported.setdefault(name, []).append(getattr(module, name))
    dotted = set(re.findall(r"\b([A-Z]\w+)\.(\w+)", DOCUMENT))
    assert dotted
    for owner, attribute in sorted(dotted):
        members = set().union(*map(members_of, exported[owner]))
        assert attribute in members, f"{owner}.{attribute}"
    for name in re.findall(r"`([A-Z][a-z]\w+)`", DOCUMENT):
        assert name == "Protocol" or name in exported, name
    for path in re.findall(r"`((?:chatcore|transports|cli|tests)/[\w./]*)`", DOCUMENT):
        assert (ROOT / path).exists(), path


def members_of(owner: object) -> set[str]:
    """Return the attributes of a class, those it declares, and those its methods set on an object."""
    assert isinstance(owner, type)
    given = set(re.findall(r"self\.(\w+)\b[^=\n(]*=", inspect.getsource(owner)))
    return set(dir(owner)) | set(getattr(owner, "__annotations__", ())) | given
