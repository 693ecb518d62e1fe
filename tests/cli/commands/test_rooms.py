"""``chat rooms``: what rooms a server has."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.scripted import Answers, line, scripted_server
from transports.threaded_tcp import connect, serve

ROOMS: list[dict[str, Any]] = [
    {"room": "build-1", "count": 0, "head": 7, "at": "2026-11-20T08:00:00Z"},
    {"room": "build-2", "count": 1_200, "head": 512, "at": "2026-11-23T14:35:25.649329Z"},
    {"room": "lobby", "count": 1, "head": 0},
    {"room": "staff", "count": 2, "head": 9, "at": "9999-12-31T23:59:59Z", "private": True},
]


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """Have the local time be nine hours ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-9")
        time.tzset()
        yield
    time.tzset()


def listing(asked: list[Any] | None = None) -> Answers:
    """Answer as a server with these rooms, two in a page."""

    def rooms(frame: dict[str, Any]) -> bytes:
        if asked is not None:
            asked.append((frame.get("after"), frame.get("prefix")))
        names = [
            entry
            for entry in ROOMS
            if entry["room"] > frame.get("after", "") and entry["room"].startswith(frame.get("prefix", ""))
        ]
        return line(type="room_list", rooms=names[:2], more=len(names) > 2, token=frame["token"])

    return {"rooms": rooms}


def test_rooms_are_columns_for_people(inside: Inside) -> None:
    with scripted_server(answers=listing()) as server:
        done = inside("rooms", "--url", server.url)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "ROOM                      MEMBERS  LAST MESSAGE",
        "build-1                         0  2026-11-20 17:00",
        "build-2                      1200  2026-11-23 23:35",
        "lobby                           1  -",
        "staff                           2  -  private",
    ]
    assert done.stderr == ""


def test_a_real_server_lists_its_rooms(inside: Inside) -> None:
    with (
        serve("chat://127.0.0.1:0") as server,
        connect(str(server.listening[0]), nick="ada", rooms=["lobby", "ops"]) as ada,
    ):
        ada.post("hello", room="ops")
        done = inside("rooms", "--url", str(server.listening[0]))
        lobby, ops = done.stdout.splitlines()[1:]
        assert lobby.split() == ["lobby", "1", "-"]
        assert ops.split()[:2] == ["ops", "1"]
        as_json = inside("rooms", "--json", "--prefix", "o", "--url", str(server.listening[0]))
    (entry,) = map(json.loads, as_json.stdout.splitlines())
    assert (entry["room"], entry["count"], entry["head"]) == ("ops", 1, 1)


def test_all_pages_are_asked_for(inside: Inside) -> None:
    asked: list[Any] = []
    with scripted_server(answers=listing(asked)) as server:
        done = inside("rooms", "--json", "--url", server.url)
    assert asked == [(None, None), ("build-2", None)]
    assert [json.loads(each) for each in done.stdout.splitlines()] == ROOMS


def test_a_prefix_is_passed_on(inside: Inside) -> None:
    asked: list[Any] = []
    with scripted_server(answers=listing(asked)) as server:
        done = inside("rooms", "--json", "--prefix", "build-", CHAT_URL=server.url)
    assert asked == [(None, "build-")]
    assert [json.loads(each)["room"] for each in done.stdout.splitlines()] == ["build-1", "build-2"]


def test_a_server_that_repeats_itself_is_not_asked_without_end(inside: Inside) -> None:
    def rooms(frame: dict[str, Any]) -> bytes:
        return line(type="room_list", rooms=ROOMS[:1], more=True, token=frame["token"])

    with scripted_server(answers={"rooms": rooms}) as server:
        done = inside("rooms", "--json", "--url", server.url)
    assert done.stdout.count("build-1") == 2


def test_a_server_without_rooms_prints_no_json(inside: Inside) -> None:
    def rooms(frame: dict[str, Any]) -> bytes:
        return line(type="room_list", rooms=[], more=False, token=frame["token"])

    with scripted_server(answers={"rooms": rooms}) as server:
        done = inside("rooms", "--json", "--url", server.url)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_refusal_is_exit_3(inside: Inside) -> None:
    def rooms(frame: dict[str, Any]) -> bytes:
        return line(type="error", code="rate_limited", message="slowly", id=frame["token"], retry_after=2.0)

    with scripted_server(answers={"rooms": rooms}) as server:
        done = inside("rooms", "--json", "--url", server.url)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "chat: the server refused: slowly (rate_limited); try again in 2 s\n"


def test_an_invalid_prefix_is_exit_2(inside: Inside) -> None:
    with scripted_server() as server:
        done = inside("rooms", "--prefix", "a b", "--url", server.url)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
