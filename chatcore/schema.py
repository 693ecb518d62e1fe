"""The frames as one JSON Schema (draft 2020-12), for clients in other languages."""

from typing import Any

from chatcore.messages import PROTOCOL, client_frames, server_frames

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Return the schema of a line: a frame of either direction, each direction a definition."""
    client = client_frames.json_schema(ref_template="#/$defs/{model}")
    server = server_frames.json_schema(ref_template="#/$defs/{model}")
    definitions = client.pop("$defs") | server.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"chatcore protocol {PROTOCOL}",
        "description": "One line of newline-delimited JSON, without its newline.",
        "anyOf": [{"$ref": "#/$defs/ClientFrame"}, {"$ref": "#/$defs/ServerFrame"}],
        "$defs": {"ClientFrame": client, "ServerFrame": server} | dict(sorted(definitions.items())),
    }
