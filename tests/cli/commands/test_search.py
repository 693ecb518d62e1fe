"""``chat search``: what was said, page by page."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.scripted import Answers, line, scripted_server
from transports.threaded_tcp import connect, serve


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """Have the local time be nine hours ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-9")
        time.tzset()
        yield
    time.tzset()


def message(seq: int, text: str, **fields: Any) -> dict[str, Any]:
    """Return a message as a server sends it."""
    at = f"2026-11-23T14:35:{seq:02}Z"
    return {
        "type": "message",
        "room": "ops",
        "seq": seq,
        "prev": seq - 1,
        "id": f"i{seq}",
        "nick": "ada",
        "text": text,
        "at": at,
        **fields,
    }


def answering(pages: list[dict[str, Any]], asked: list[Any] | None = None) -> Answers:
    """Answer searches with these frames, one after the other."""

    def search(frame: dict[str, Any]) -> bytes:
        if asked is not None:
            asked.append({name: value for name, value in frame.items() if name not in ("type", "token")})
        answer = pages.pop(0)
        token = {"id" if answer["type"] == "error" else "token": frame["token"]}
        return line(**answer, **token)

    return {"search": search}


def found(*messages: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    """Return a page of results."""
    return {"type": "found", "messages": messages, **({"cursor": cursor} if cursor else {})}


def test_results_are_lines_that_say_where_and_by_whom(inside: Inside) -> None:
    pages = [found(message(9, "two\nlines"), message(8, "\u202ered", kind="action"))]
    with scripted_server(answers=answering(pages)) as server:
        done = inside("search", "disk", "--room", "ops", "--url", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-11-23 23:35:09 ops ada: two",
        "2026-11-23 23:35:09 ops ada: lines",
        "2026-11-23 23:35:08 ops * ada \ufffdred",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_pages_are_asked_for_until_there_are_enough(inside: Inside) -> None:
    asked: list[Any] = []
    pages = [
        found(message(9, "a"), cursor="c9"),
        found(cursor="c5"),
        found(message(3, "b"), message(2, "c"), cursor="c2"),
    ]
    with scripted_server(answers=answering(pages, asked)) as server:
        query = 'disk "a b" from:ada after:2026-11-01'
        done = inside(
            "search",
            query,
            "-n",
            "2",
            "--room",
            "Ops",
            "--before",
            "2026-12-01",
            "--json",
            "--url",
            server.url,
        )
    assert [json.loads(each)["text"] for each in done.stdout.splitlines()] == ["a", "b"]
    assert done.returncode == 0
    first = {
        "query": 'disk "a b"',
        "nick": "ada",
        "room": "Ops",
        "limit": 2,
        "after_at": "2026-10-31T15:00:00Z",
        "before_at": "2026-11-30T15:00:00Z",
    }
    assert asked == [first, {**first, "cursor": "c9"}, {**first, "cursor": "c5"}]


def test_ten_empty_pages_are_enough(inside: Inside) -> None:
    pages = [found(cursor=f"c{n}") for n in range(30)]
    with scripted_server(answers=answering(pages)) as server:
        done = inside("search", "disk", "--url", server.url)
    assert (done.returncode, done.stdout, len(pages)) == (5, "", 20)
    assert "there may be more" in done.stderr


def test_a_busy_server_is_asked_again_and_one_that_cannot_search_is_not(inside: Inside) -> None:
    busy = {"type": "error", "code": "unavailable", "message": "busy", "retry_after": 0.01}
    never = {"type": "error", "code": "unavailable", "message": "this server cannot search"}
    with scripted_server(answers=answering([busy, busy, found(message(1, "x"))])) as server:
        done = inside("search", "x", "--room", "ops", "--url", server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2026-11-23 23:35:01 ops ada: x\n", "")
    with scripted_server(answers=answering([never])) as server:
        done = inside("search", "x", "--room", "ops", "--url", server.url)
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot search (unavailable)" in done.stderr


@pytest.mark.parametrize("arguments", [["..."], ["in:ops"], ["x", "--after", "noon"], ["x after:noon"]])
def test_what_cannot_be_searched_is_a_mistake_of_usage(inside: Inside, arguments: list[str]) -> None:
    refusal = {"type": "error", "code": "bad_text", "message": "a query has at least one word"}
    with scripted_server(answers=answering([refusal])) as server:
        done = inside("search", *arguments, "--url", server.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_real_server_searches_the_rooms_that_are_named(inside: Inside) -> None:
    with (
        serve("chat://127.0.0.1:0") as server,
        connect(str(server.listening[0]), nick="ada", rooms=["lobby", "ops", "staff"]) as ada,
    ):
        for room in ("lobby", "ops", "staff"):
            ada.post(f"plan of {room}", room=room)
        url = str(server.listening[0])
        assert inside("search", "plan", "--url", url).stdout.endswith(" lobby ada: plan of lobby\n")
        both = inside("search", "plan", "--room", "ops", "--room", "lobby", "--url", url).stdout.splitlines()
        assert [each.split(": ")[1] for each in both] == ["plan of ops", "plan of lobby"]
        assert inside("search", "nothing", "--url", url).stdout == ""
        as_json = inside("search", "in:staff plan", "--json", "--url", url)
    assert json.loads(as_json.stdout)["room"] == "staff"


def test_a_room_in_which_nothing_was_ever_said_is_named(inside: Inside) -> None:
    with serve("chat://127.0.0.1:0") as server, connect(str(server.listening[0]), nick="ada") as ada:
        ada.post("hello")
        url = str(server.listening[0])
        silent = inside("search", "from:bob in:nowhere", "--to", url)
        other = inside("search", "from:bob in:lobby", "--to", url)
    assert (silent.returncode, silent.stdout) == (other.returncode, other.stdout) == (0, "")
    assert silent.stderr == "chat: nothing was ever said in nowhere; `chat rooms` lists the rooms\n"
    assert other.stderr == ""
