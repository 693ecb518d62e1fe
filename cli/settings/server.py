"""The settings of ``chat server``, as other commands see them that work on the same files."""

import os

import typer

__all__ = ["server_setting"]


def server_setting(ctx: typer.Context, name: str) -> str | None:
    """Return a setting of the environment or the file, if it is there; a name is as in the file."""
    in_file = (ctx.find_root().default_map or {}).get("server", {})
    return os.environ.get(f"CHAT_SERVER_{name.upper()}") or in_file.get(name)
