"""Which build is under test, what a compiled one consists of, and when there is none."""

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import files
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import pytest

import chatcore
import transports
from chatcore.version import COMPILED
from tests import rows

ROOT = Path(__file__).parent.parent
TIMEOUT = 50.0


def listed_modules() -> list[str]:
    """Return the paths of the modules that the compiled build compiles."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        wheel = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]
    paths: list[str] = wheel["hooks"]["custom"]["modules"]
    return paths


def named_modules() -> list[str]:
    """Return their names."""
    stems = [path.removesuffix(".py").removesuffix("/__init__") for path in listed_modules()]
    return [stem.replace("/", ".") for stem in stems]


def test_the_build_is_the_one_that_these_rows_are_for() -> None:
    assert rows.COMPILED == COMPILED


@pytest.mark.parametrize("name", named_modules())
def test_all_modules_are_of_one_build(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert file.endswith(tuple(EXTENSION_SUFFIXES)) == COMPILED
    assert Path(file).is_relative_to(sys.prefix if COMPILED else ROOT)


def run(*code: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_a_process_that_a_test_starts_runs_the_same_build() -> None:
    done = run("import tests.rows, chatcore; print(chatcore.COMPILED)", cwd=ROOT)
    assert done.stdout == f"{COMPILED}\n", done.stderr


@pytest.mark.skipif(not COMPILED, reason="the wheel of the other build is in test_packaging.py")
def test_the_compiled_wheel_holds_one_more_file_beside_our_packages_and_one_for_each_module() -> None:
    names = [file.as_posix() for file in files("chatcore") or ()]
    beside = {name.partition("/")[0] for name in names} - {"..", "chatcore", "transports", "cli"}
    suffix = EXTENSION_SUFFIXES[0]
    assert beside == {"chatcore-0.1.0.dist-info", f"chatcore__mypyc{suffix}"}
    compiled = [name for name in names if name.endswith(suffix) and "/" in name]
    assert sorted(name.removesuffix(suffix) + ".py" for name in compiled) == sorted(listed_modules())
    assert set(listed_modules()) <= set(names)


SIMULATE = (
    "import chatcore",
    "from tests.simulation.simulation import Simulation",
    "for seed in range(20):",
    "    simulation = Simulation(seed)",
    "    simulation.run(steps=100)",
    "    print(*simulation.log, sep='\\n')",
    "print(chatcore.COMPILED)",
)


@pytest.mark.skipif(not COMPILED, reason="the other build has nothing to be compared with")
def test_both_builds_take_the_same_steps_in_every_seed() -> None:
    compiled = run(*SIMULATE, cwd=ROOT, PYTHONHASHSEED="0").stdout.splitlines()
    pure = run(*SIMULATE, cwd=ROOT, PYTHONHASHSEED="0", PYTHONPATH=str(ROOT)).stdout.splitlines()
    assert (compiled.pop(), pure.pop()) == ("True", "False")
    assert len(pure) > 2_000
    assert compiled == pure


def product_classes() -> Iterator[type]:
    """Yield every class of the core and the transports."""
    for package in (chatcore, transports):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            yield from (each for each in vars(module).values() if is_class_of(each, module))


def is_class_of(thing: object, module: ModuleType) -> TypeGuard[type]:
    return isinstance(thing, type) and thing.__module__ == module.__name__


def test_no_class_inherits_from_a_compiled_one_that_does_not_allow_it() -> None:
    native = set(named_modules())
    for heir in product_classes():
        for base in heir.__mro__[1:]:
            if heir.__module__ not in native and base.__module__ in native:
                assert "@mypyc_attr(allow_interpreted_subclasses=True)" in inspect.getsource(base), heir


# --- the hook ------------------------------------------------------------------------------------

LOAD = (
    "import sys, pathlib",
    f"sys.path.insert(0, {str(ROOT)!r})",
    "from hatch_build import compile_modules",
)


def test_a_compiled_build_is_never_editable(tmp_path: Path) -> None:
    code = f"import hatchling.build; hatchling.build.build_editable({str(tmp_path)!r})"
    done = run(code, cwd=ROOT, HATCH_BUILD_HOOKS_ENABLE="1")
    assert done.returncode == 1
    assert "RuntimeError: a compiled build cannot be editable" in done.stderr
    assert "run: make compiled" in done.stderr


def test_without_a_compiler_the_build_says_what_it_needs_and_leaves_nothing(tmp_path: Path) -> None:
    made, tree = tmp_path / "made", tmp_path / "tree"
    made.mkdir()
    tree.mkdir()
    (tree / "module.py").write_text("def double(number: int) -> int:\n    return 2 * number\n")
    done = run(
        *LOAD, f"compile_modules(['module.py'], pathlib.Path({str(made)!r}))", cwd=tree, CC="no-compiler"
    )
    assert done.returncode == 1
    assert "RuntimeError: cannot compile: this needs a C compiler and Python's headers" in done.stderr
    assert [path.name for path in tree.iterdir()] == ["module.py"]
