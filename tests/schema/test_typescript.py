"""A generator makes types of the schema, and a compiler takes what is right and refuses what is wrong.

`make test` installs both by npm, where there is one; `package-lock.json` says which versions.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
TYPES = (DOCS / "protocol.d.ts").read_text("utf-8")
NAMES = re.findall(r"^export (?:interface|type) (\w+)", TYPES, re.MULTILINE)
NOT_FOUND = ("TS2304", "TS2552")
WRONG = re.compile(r"// (TS\d+)$")
TIMEOUT = 50.0


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    missing = None
    if shutil.which("node") is None:
        missing = "there is no Node"
    elif not (HERE / "node_modules" / ".package-lock.json").exists():
        missing = "what npm has to install is not there: make tests/schema/node_modules"
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    elif missing:
        pytest.skip(missing)


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of an installed package."""
    return subprocess.run(
        ["node", str(HERE / "node_modules" / program), *map(str, arguments)],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def compile_files(directory: Path, *files: Path, **options: object) -> set[tuple[str, int, str]]:
    """Compile files; return the errors, each as the name of its file, its line, and its number."""
    project = {
        "extends": str(HERE / "tsconfig.json"),
        "compilerOptions": options,
        "files": list(map(str, files)),
    }
    path = directory / "tsconfig.json"
    path.write_text(json.dumps(project), "utf-8")
    done = run("typescript/bin/tsc", "--project", path, "--pretty", "false")
    found = re.findall(r"^(\S+?)\((\d+),\d+\): error (TS\d+)", done.stdout, re.MULTILINE)
    assert (done.returncode == 0) == (not found), done.stdout + done.stderr
    return {(Path(name).name, int(line), number) for name, line, number in found}


def golden(direction: str) -> str:
    """Return the golden lines of a direction as the elements of an array."""
    return (DOCS / "frames" / f"{direction}.ndjson").read_text("utf-8").replace("}\n", "},\n")


def test_the_committed_types_are_what_the_generator_makes_of_the_schema() -> None:
    done = run(
        "json-schema-to-typescript/dist/src/cli.js",
        "--no-additionalProperties",
        DOCS / "protocol.schema.json",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == TYPES, "run: make schema"


def test_a_program_that_handles_every_frame_and_all_golden_frames_compile(tmp_path: Path) -> None:
    frames = tmp_path / "golden.ts"
    frames.write_text(
        f'import type {{ ClientFrame, ServerFrame }} from "{DOCS / "protocol.js"}";\n'
        f"export const client: ClientFrame[] = [\n{golden('client')}];\n"
        f"export const server: ServerFrame[] = [\n{golden('server')}];\n",
        "utf-8",
    )
    assert compile_files(tmp_path, HERE / "program.ts", frames) == set()


def test_a_wrong_program_does_not_compile(tmp_path: Path) -> None:
    lines = (HERE / "wrong.ts").read_text("utf-8").splitlines()
    wrong = {
        ("wrong.ts", line, found[1]) for line, text in enumerate(lines, 1) if (found := WRONG.search(text))
    }
    assert len(wrong) > 10
    assert compile_files(tmp_path, HERE / "wrong.ts") == wrong


def test_no_type_has_the_name_of_one_that_the_language_or_a_browser_has(tmp_path: Path) -> None:
    path = tmp_path / "names.ts"
    path.write_text("".join(f"export type Own{name} = {name};\n" for name in [*NAMES, "History"]), "utf-8")
    found = compile_files(tmp_path, path, lib=["ES2022", "DOM"])
    assert {line for _, line, number in found if number in NOT_FOUND} == set(range(1, len(NAMES) + 1))


def test_the_program_handles_exactly_the_frames_of_a_server() -> None:
    schema = json.loads((DOCS / "protocol.schema.json").read_text("utf-8"))
    handled = re.findall(r'^    case "(\w+)":$', (HERE / "program.ts").read_text("utf-8"), re.MULTILINE)
    assert sorted(handled) == sorted(schema["$defs"]["ServerFrame"]["discriminator"]["mapping"])
