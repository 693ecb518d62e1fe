"""Builds the API reference of the public names from their docstrings: ``python -m docs.reference DIRECTORY``.

The pages are pdoc's. `chatcore` loads a name from where it is defined when it is first asked for, so all are
asked for here; and what a constant is for stands where it is defined, so it is taken from there.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pdoc import doc, render

__all__ = ["build"]

MODULES = (
    "chatcore",
    "chatcore.cluster",
    "chatcore.gate",
    "chatcore.transport",
    "chatcore.journal",
    "chatcore.wire",
    "transports.asyncio_tcp",
    "transports.jetstream",
    "transports.threaded_tcp",
)
"""The modules that are public, and so have a page."""

MEMBERS = {
    "SharedDirectory": {"__init__", "status"},
    "Hub": {
        "__init__",
        "limits",
        "clock",
        "post",
        "subscribe",
        "statistics",
        "remove_room",
        "endpoint",
        "close",
    },
    "Server": {"__init__", "listening", "close"},
}
"""What is public of the classes that show the core more than their users."""


def build(directory: Path) -> None:
    """Write a page for each public module, an index and what the pages search in."""
    pages = {name: doc.Module(_loaded(name)) for name in MODULES}
    homes = [doc.Module(module) for name, module in sys.modules.items() if name.startswith("chatcore.")]
    for name, page in pages.items():
        _describe_constants(page, homes)
        _leave_out_internals(page)
        _write(directory / f"{name.replace('.', '/')}.html", render.html_module(page, pages))
    _write(directory / "index.html", render.html_index(pages))
    _write(directory / "search.js", render.search_index(pages))


def _loaded(name: str) -> ModuleType:
    module = import_module(name)
    for public in module.__all__:
        getattr(module, public)
    return module


def _describe_constants(page: doc.Module, homes: list[doc.Module]) -> None:
    for name, member in page.members.items():
        if not member.docstring:
            found = (home.members[name].docstring for home in homes if name in home.members)
            member.docstring = next(filter(None, found), "")


def _leave_out_internals(page: doc.Module) -> None:
    for name, public in MEMBERS.items():
        owner = page.members.get(name)
        if isinstance(owner, doc.Class):
            for member in owner.members.keys() - public:
                del owner.members[member]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
