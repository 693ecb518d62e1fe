"""The compiled build: hatchling calls this while it makes a wheel, if ``HATCH_BUILD_HOOKS_ENABLE=1`` is set.

mypyc turns the modules that ``pyproject.toml`` lists into extension modules, which Python prefers to their
sources. All of it is made in a temporary directory and goes into the wheel from there: an extension module
that is left in the tree would hide every later edit of its source. For the same reason there is no editable
compiled build.
"""

import contextlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GROUP = "chatcore"
"""What the code of all modules is called: it is in one library beside the packages, ``chatcore__mypyc``."""

NO_COMPILER = (
    "cannot compile: this needs a C compiler and Python's headers (on Debian: apt-get install gcc libc6-dev"
    f" python3.{sys.version_info[1]}-dev); without HATCH_BUILD_HOOKS_ENABLE the build needs neither"
)

EDITABLE = (
    "a compiled build cannot be editable, since it would hide every later edit of a source;"
    " unset HATCH_BUILD_HOOKS_ENABLE, or run: make compiled"
)


class CompiledBuild(BuildHookInterface[Any]):
    """Adds extension modules to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the results included. Raises `RuntimeError` that says what to do."""
        if version == "editable":
            raise RuntimeError(EDITABLE)
        self._made = TemporaryDirectory()
        made = Path(self._made.name)
        with contextlib.chdir(self.root):
            compile_modules(self.config["modules"], made)
        library = made / "lib"
        files = {str(path): str(path.relative_to(library)) for path in library.rglob("*") if path.is_file()}
        build_data["force_include"].update(files)
        build_data.update(pure_python=False, infer_tag=True)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel has now."""
        self._made.cleanup()


def compile_modules(modules: list[str], made: Path) -> None:
    """Compile modules, given by their paths below the current directory, into ``made / "lib"``."""
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.errors import CompileError, LinkError, PlatformError

    # Types are checked as every program that uses them would: our own settings are for `make check`.
    settings = ["--config-file=", f"--cache-dir={made / 'cache'}"]
    extensions = mypycify(
        [*settings, *modules], group_name=GROUP, target_dir=str(made / "c"), debug_level="0"
    )
    for extension in extensions:  # what a newer compiler warns of is no error of whoever installs this
        extension.extra_compile_args = [each for each in extension.extra_compile_args if each != "-Werror"]
    distribution = Distribution({"name": GROUP, "ext_modules": extensions})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(made / "lib"), str(made / "tmp")
    command.ensure_finalized()
    try:
        command.run()
    except (CompileError, LinkError, PlatformError) as error:
        raise RuntimeError(f"{NO_COMPILER}\n{error}") from error
