"""``/search``, as the server answers, and without it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.cli.pty import ENTER, Pty
from tests.cli.scripted import line, message, scripted_server
from tests.cli.terminal.test_commands import Frame, client, page

Answer = Callable[[Frame], bytes]


def finding(asked: list[Frame], *pages: tuple[Sequence[bytes], str | None]) -> Answer:
    """Answer searches with these pages, one after the other, and note what is asked."""
    left = list(pages)

    def found(frame: Frame) -> bytes:
        asked.append({name: value for name, value in frame.items() if name not in ("type", "token")})
        messages, cursor = left.pop(0)
        fields: dict[str, Any] = {"room": frame.get("room"), "cursor": cursor, "token": frame["token"]}
        return line(type="found", messages=list(map(json.loads, messages)), **fields)

    return found


def refusing(**fields: Any) -> Answer:
    """Refuse every search."""
    return lambda frame: line(type="error", id=frame["token"], **fields)


def shown_after(alice: Pty, heading: str, count: int) -> list[str]:
    """Return rows after a heading."""
    start = len(alice.rows) - 1 - alice.rows[::-1].index(heading)
    return alice.rows[start + 1 : start + 1 + count]


def test_results_are_numbered_go_on_and_lead_to_what_was_said_around_them() -> None:
    asked: list[Frame] = []
    answers = {
        "search": finding(
            asked,
            ([message(9, "disk nine"), message(8, "disk eight")], "c8"),
            ([], "c5"),
            ([message(3, "disk three")], None),
        ),
        "history": lambda frame: (
            page(frame, 6, message(7, "seven"), message(8, "disk eight"), more=True)
            if "before" in frame
            else page(frame, 8, message(9, "disk nine"))
        ),
    }
    with scripted_server(head=40, after=40, answers=answers) as server, client(server) as alice:
        alice.type(f"/search disk from:bob{ENTER}")
        alice.wait("* /back #N shows what was said around result N; /search goes on")
        assert shown_after(alice, "* found in lobby:", 2) == [
            "#2 2026-01-02 03:04 [lobby] mallory: disk eight",
            "#1 2026-01-02 03:04 [lobby] mallory: disk nine",
        ]
        alice.type(f"/back #2{ENTER}")
        alice.wait("* end of what was around it")
        assert shown_after(alice, "* around result 2:", 3) == [
            "2026-01-02 03:04 [lobby] mallory: seven",
            "#2 2026-01-02 03:04 [lobby] mallory: disk eight",
            "2026-01-02 03:04 [lobby] mallory: disk nine",
        ]
        alice.type(f"/search{ENTER}")
        alice.wait("#3 2026-01-02 03:04 [lobby] mallory: disk three")
        alice.type(f"/search{ENTER}")
        alice.wait("* there is nothing more to show; /search TEXT searches")
        alice.type(f"/back #4{ENTER}")
        alice.wait("* there is no result 4; /search TEXT finds some")
    first = {"query": "disk", "nick": "bob", "room": "lobby", "limit": 20}
    assert asked == [first, {**first, "cursor": "c8"}, {**first, "cursor": "c5"}]


def test_all_rooms_another_one_and_times_can_be_searched_and_mistakes_are_explained() -> None:
    asked: list[Frame] = []
    answers = {"search": finding(asked, ([], None), ([], None))}
    with scripted_server(answers=answers) as server, client(server) as alice:
        alice.type(f"/search disk in:*{ENTER}")
        alice.wait("* nothing found in your rooms")
        alice.type(f"/search disk in:ops after:2026-01-02{ENTER}")
        alice.wait("* nothing found in ops")
        alice.type(f"/search in:ops{ENTER}")
        alice.wait("* say what to look for: words, or from:NICK")
        alice.type(f"/search x after:lunch{ENTER}")
        alice.wait("* after: takes a time such as")
    assert asked == [
        {"query": "disk", "limit": 20},
        {"query": "disk", "room": "ops", "after_at": "2026-01-02T00:00:00Z", "limit": 20},
    ]


def test_what_was_shown_is_searched_where_the_server_cannot() -> None:
    refuse = refusing(code="unavailable", message="this server cannot search")
    with scripted_server(answers={"search": refuse}) as server, client(server) as alice:
        server.say(message(1, "the build"))
        alice.wait("the build")
        alice.type(f"/search BUI*{ENTER}")
        alice.wait("* end of results")
        heading = "* this server cannot search; latest matches in what has been shown:"
        assert shown_after(alice, heading, 1) == ["#1 2026-01-02 03:04 [lobby] mallory: the build"]
        alice.type(f"/search nothing{ENTER}")
        alice.wait("* this server cannot search; no match in what has been shown")


def test_a_busy_server_is_not_replaced_and_a_bad_query_is_explained() -> None:
    refuse = refusing(code="unavailable", message="the search is not available now", retry_after=1.0)
    with scripted_server(answers={"search": refuse}) as server, client(server) as alice:
        alice.type(f"/search x{ENTER}")
        alice.wait("* the search is not available now (unavailable); try again in 1 s")
        alice.type(f"/search ...{ENTER}")
        alice.wait("* a query has at least one word")
        alice.type(f"/search from:a/b{ENTER}")
        alice.wait("* a nick is 1 to 32 ASCII letters")
