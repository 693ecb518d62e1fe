"""``chat schema``: the frames as a JSON Schema."""

import json

from tests.cli.processes import chat, line_of, spawn


def test_the_schema_is_json_and_its_reader_may_stop_early() -> None:
    whole = chat("schema")
    assert json.loads(whole.stdout)["$defs"]["Post"]["required"] == ["type", "room", "id", "text"]
    with spawn("schema") as process:
        assert line_of(process.stdout) == "{\n"
        assert process.stdout is not None
        process.stdout.close()
        process.wait()
        assert process.stderr is not None
        assert process.stderr.read() == ""
