"""The client of `transports/web`, in Node: its types, its own tests, and talks with a real server."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from chatcore.version import __version__
from tests.cli.processes import CHAT
from tests.rows import ALL

HERE = Path(__file__).parent
CLIENT = HERE.parent.parent / "transports" / "web"
TYPESCRIPT = HERE.parent / "schema" / "node_modules" / "typescript" / "bin" / "tsc"
MODULES = sorted(CLIENT.glob("client*.js"))
TIMEOUT = 55.0
OLDEST_NODE = 20
TRANSPORTS = ["asyncio", "threaded"]


def _missing() -> str | None:
    node = shutil.which("node")
    if node is None:
        return "there is no Node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        return f"Node {version.strip()} is older than {OLDEST_NODE}"
    return None


def need_node() -> None:
    """Skip the test, or fail in CI, if there is no Node that can run it."""
    missing = _missing()
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    elif missing:
        pytest.skip(missing)


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    need_node()


def run(*arguments: str | Path, **env: str) -> str:
    """Run a program in Node; it has to succeed. Return what it prints."""
    done = subprocess.run(
        ["node", "--no-warnings", *map(str, arguments)],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=os.environ | env,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(*files: str, **env: str) -> None:
    """Run tests of Node; there have to be some."""
    out = run("--experimental-websocket", "--test", "--test-reporter=tap", *files, **env)
    counted = re.search(r"^# pass (\d+)$", out, re.MULTILINE)
    assert counted, out
    assert int(counted[1]) > 0, out


def test_the_types_fit_and_refuse_a_wrong_program() -> None:
    if not TYPESCRIPT.exists() and not os.environ.get("CI"):
        pytest.skip("what npm has to install is not there: make tests/schema/node_modules")
    lines = (HERE / "wrong.js").read_text("utf-8").splitlines()
    wrong = {("wrong.js", number) for number, text in enumerate(lines, 1) if text.endswith("// wrong")}
    done = subprocess.run(
        ["node", str(TYPESCRIPT), "--project", str(HERE), "--pretty", "false"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    errors = re.findall(r"^(\S+?)\((\d+),\d+\): error", done.stdout, re.MULTILINE)
    found = {(Path(name).name, int(line)) for name, line in errors}
    assert len(wrong) > 5
    assert found == wrong, done.stdout + done.stderr


def test_the_law_of_reading_and_the_order_of_posts_hold_whatever_comes() -> None:
    run_tests("law.test.mjs", "fake.test.mjs")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clients_lose_nothing_when_the_server_is_killed(transport: str) -> None:
    run_tests("losses.test.mjs", CHAT=CHAT, TRANSPORT=transport)


@pytest.mark.parametrize("transport", TRANSPORTS if ALL else TRANSPORTS[:1])
def test_clients_talk_and_are_refused(transport: str) -> None:
    run_tests("conversations.test.mjs", CHAT=CHAT, TRANSPORT=transport)


@pytest.mark.skipif(not ALL, reason="longer than the rest together, and only more of it")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clients_lose_nothing_in_a_storm(transport: str) -> None:
    run_tests("storm.test.mjs", CHAT=CHAT, TRANSPORT=transport)


def test_the_package_has_the_version_of_the_server_and_no_dependency() -> None:
    package = json.loads((CLIENT / "package.json").read_text("utf-8"))
    assert package["version"] == __version__
    assert not any("ependencies" in name for name in package)


def test_each_module_imports_only_modules_beside_it() -> None:
    names = {module.name for module in MODULES}
    for module in MODULES:
        text = module.read_text("utf-8")
        imported = re.findall(r'^(?:import|export) .*?from "(.+)";$', text, re.MULTILINE)
        assert {name.removeprefix("./") for name in imported} <= names, module.name


def test_no_module_uses_what_the_policy_of_the_page_forbids() -> None:
    forbidden = re.compile(r"\b(eval|innerHTML|outerHTML|insertAdjacentHTML|document|Function)\b(?=[(. =])")
    assert {module.name: forbidden.findall(module.read_text("utf-8")) for module in MODULES} == {
        module.name: [] for module in MODULES
    }
