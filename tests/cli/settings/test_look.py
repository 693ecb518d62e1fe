"""The keys and colours of the terminal in ``chat.toml``."""

from pathlib import Path

import pytest
from prompt_toolkit.key_binding import KeyBindings

from chatcore import UsageError
from cli.app import app
from cli.settings.file import ConfigFile
from cli.settings.keys import ACTIONS, keys_of, pressed
from cli.settings.options import settings_of
from tests.cli.conftest import Inside

SETTINGS = settings_of(app.registered_commands)


def read(tmp_path: Path, text: str) -> ConfigFile:
    path = tmp_path / "chat.toml"
    path.write_text(text)
    return ConfigFile(str(path), SETTINGS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("keys = 1", "line 1: keys is not a setting"),
        ("[keys]\nsnd = 'f1'", "line 2: keys.snd is not an action; the actions are send, newline, cancel, "),
        ("[keys]\nsend = 1", 'line 2: keys.send must be a key, such as "alt-enter", or a list of keys'),
        ("[keys]\nsend = []", "line 2: keys.send must be a key"),
        ("[keys]\n\nsend = 'x'", "line 3: keys.send 'x' is not a key; write it like enter, f5, ctrl-j, "),
        ("[keys]\nsend = 'ctrl-\u00fc'", "line 2: keys.send 'ctrl-\u00fc' is not a key"),
        ("[keys]\nsend = ['f1', 'hyper-x']", "line 2: keys.send 'hyper-x' is not a key"),
        ("[keys]\nsend = ''", "line 2: keys.send '' is not a key"),
        ("[keys]\nsend = 'f1 f2 f3 f4'", "line 2: keys.send 'f1 f2 f3 f4' is not a key"),
        ("[keys]\nsend = 'tab'", "line 2: keys.send tab is also the key of complete; give that another one"),
        ("[keys]\nsend = 'f1'\nnewline = 'f1'", "line 3: keys.newline f1 is also the key of send"),
        ("[colours]\nloud = '#ff0000'", "line 2: colours.loud has no colour; the roles are quiet, mention, "),
        (
            "[colours]\nquiet = 'red'",
            "line 2: colours.quiet must be a colour, such as \"#5f87ff\", not 'red'",
        ),
        ("[colours]\nquiet = 7", "line 2: colours.quiet must be a colour"),
        ("[colours]\nnicks = '#ff0000'", "line 2: colours.nicks must be a list of 1 to 8 colours"),
        ("[colours]\nnicks = []", "line 2: colours.nicks must be a list of 1 to 8 colours"),
        ("[colours]\nnicks = ['#ff0000', 'x']", "line 2: colours.nicks must be a colour"),
        ("[colours]\ndark = '#ff0000'", "line 2: colours.dark must be a table, [colours.dark]"),
        ("[colours.light]\nmark = 'x'", "line 2: colours.light.mark must be a colour"),
        ("[colours.light.light]\nmark = 'x'", "line 1: colours.light.light has no colour"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_is_valid(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert str(caught.value).replace(f"{tmp_path / 'chat.toml'}, ", "").startswith(words)


def test_the_example_in_the_documents_is_valid(tmp_path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "client.md").read_text("utf-8")
    file = read(tmp_path, "[keys]" + document.partition("```toml\n[keys]")[2].partition("```")[0])
    assert file.look("keys")["room-1"] == "f1"
    assert file.look("colours")["dark"]["quiet"] == "#9e9e9e"


def test_actions_have_their_usual_keys_unless_others_are_set(tmp_path: Path) -> None:
    file = read(tmp_path, "[keys]\nsend = 'ctrl-j'\nnewline = ['enter', 'ctrl-x enter']\n")
    keys = keys_of(file.look("keys"))
    assert keys["send"] == ["ctrl-j"]
    assert keys["newline"] == ["enter", "ctrl-x enter"]
    assert {action: tuple(keys[action]) for action in ACTIONS if action not in ("send", "newline")} == {
        action: usual for action, usual in ACTIONS.items() if action not in ("send", "newline")
    }


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("enter", ("enter",)),
        ("ctrl-x ctrl-s", ("c-x", "c-s")),
        ("ctrl-x 2", ("c-x", "2")),
        ("alt-enter", ("escape", "enter")),
        ("alt-7", ("escape", "7")),
        ("alt-f4", ("escape", "f4")),
        ("shift-tab", ("s-tab",)),
        ("ctrl-shift-left", ("c-s-left",)),
        ("ctrl-space", ("c-space",)),
        ("f24", ("f24",)),
    ],
)
def test_keys_are_those_that_the_prompt_knows(key: str, names: tuple[str, ...]) -> None:
    assert pressed(key) == names
    KeyBindings().add(*names)(lambda _: None)  # which raises for an unknown one


def test_config_prints_both_tables_such_that_they_can_be_read_again(tmp_path: Path, inside: Inside) -> None:
    text = '[keys]\nsend = "ctrl-j"\n[colours]\nquiet = "#777777"\n[colours.dark]\nnicks = ["#ffffff"]\n'
    before = read(tmp_path, text)
    printed = inside("--config", str(tmp_path / "chat.toml"), "config").stdout
    after = read(tmp_path, printed)
    for name in ("keys", "colours"):
        assert after.look(name) == before.look(name) != {}


def test_an_unknown_background_is_refused(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.client._interactive", lambda: True)
    done = inside("client", "--background", "purple")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--background must be auto, dark or light, not 'purple'" in done.stderr
