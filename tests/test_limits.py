"""The limits: consistent with each other, closed to invalid values, each default with its reason."""

import inspect
import re
from datetime import UTC, datetime
from typing import get_args

import pytest
from pydantic import ValidationError

from chatcore.fields import SEQ_MAX
from chatcore.limits import ClientLimits, HistoryLimits, Limits
from chatcore.messages import Message, encode

NEVER_NONE = {
    "text_bytes",
    "line_bytes",
    "outbound_bytes",
    "posts_in_flight",
    "frames_burst",
    "new_connections_burst",
    "new_rooms_burst",
    "session_seconds",
    "closing_seconds",
    "dedupe_seconds",
    "presence_seconds",
    "presence_names",
    "tail_bytes",
    "memory_history_bytes",
    "page_messages",
}
"""The limits on which bounded memory and the sequence of posts depend."""

each_model = pytest.mark.parametrize("model", [Limits, HistoryLimits])


def test_the_default_limits_are_consistent() -> None:
    limits = Limits()
    assert limits.line_bytes >= 3 * limits.text_bytes + 1_024
    assert limits.keepalive_seconds is not None
    assert limits.idle_seconds is not None
    assert limits.keepalive_seconds < limits.idle_seconds


@pytest.mark.parametrize("text_bytes", [1, 100, 16_384])
def test_a_line_must_hold_a_text_with_every_character_escaped(text_bytes: int) -> None:
    least = 3 * text_bytes + 1_024
    assert Limits(text_bytes=text_bytes, line_bytes=least).line_bytes == least
    with pytest.raises(ValidationError, match=rf"at least 3 times text_bytes plus 1,024 \({least}\)"):
        Limits(text_bytes=text_bytes, line_bytes=least - 1)


def test_the_longest_message_fits_into_the_shortest_allowed_line() -> None:
    longest = Message(
        room="r" * 64,
        seq=SEQ_MAX,
        prev=SEQ_MAX,
        id='"' * 64,
        nick="n" * 32,
        text='"' * 1_000,
        at=datetime(2026, 8, 5, 12, 30, 0, 123_456, tzinfo=UTC),
    )
    assert len(encode(longest)) < 3 * 1_000 + 1_024 - 400  # the rest is space for a page around it


@pytest.mark.parametrize(("keepalive", "idle"), [(60, 60), (61, 60)])
def test_keepalive_seconds_must_be_less_than_idle_seconds(keepalive: float, idle: float) -> None:
    with pytest.raises(ValidationError, match="keepalive_seconds must be less than idle_seconds"):
        Limits(keepalive_seconds=keepalive, idle_seconds=idle)


@pytest.mark.parametrize(("keepalive", "idle"), [(None, 60), (60, None), (None, None)])
def test_keepalive_and_idle_can_be_turned_off_separately(keepalive: float | None, idle: float | None) -> None:
    limits = Limits(keepalive_seconds=keepalive, idle_seconds=idle)
    assert (limits.keepalive_seconds, limits.idle_seconds) == (keepalive, idle)


@each_model
def test_a_limit_must_be_a_positive_finite_number(model: type[Limits | HistoryLimits]) -> None:
    for name in model.model_fields:
        for value in (0, -1, float("nan"), float("inf"), "many"):
            with pytest.raises(ValidationError):
                model.model_validate({name: value})


@each_model
def test_none_turns_off_every_limit_but_those_that_memory_depends_on(
    model: type[Limits | HistoryLimits],
) -> None:
    for name in NEVER_NONE & model.model_fields.keys():
        with pytest.raises(ValidationError):
            model.model_validate({name: None})
    others = model.model_fields.keys() - NEVER_NONE
    off = model.model_validate(dict.fromkeys(others))
    assert {getattr(off, name) for name in others} == {None}


def test_no_name_is_a_limit_of_a_server_and_of_its_journal() -> None:
    assert Limits.model_fields.keys() & HistoryLimits.model_fields.keys() == set()
    assert Limits.model_fields.keys() | HistoryLimits.model_fields.keys() >= NEVER_NONE


@each_model
def test_an_unknown_limit_is_an_error(model: type[Limits | HistoryLimits]) -> None:
    with pytest.raises(ValidationError, match="conections"):
        model.model_validate({"conections": 5})


def test_limits_are_immutable() -> None:
    limits = Limits()
    with pytest.raises(ValidationError, match="frozen"):
        limits.rooms = 5
    assert limits.rooms == 10_000


@each_model
def test_every_default_has_its_reason_in_a_comment_above_it(model: type[Limits | HistoryLimits]) -> None:
    reasons: dict[str, str] = {}
    comment: list[str] = []
    for line in map(str.strip, inspect.getsource(model).splitlines()):
        if line.startswith("#"):
            comment.append(line)
        elif field := re.match(r"(\w+): .* = ", line):
            reasons[field[1]] = " ".join(comment)
        else:
            comment = []
    assert reasons.keys() == model.model_fields.keys()
    assert [name for name, reason in reasons.items() if len(reason) < 40] == []


def test_the_limits_sent_to_a_client_are_those_of_the_server_and_its_journal() -> None:
    limits = Limits(rooms_per_session=None, frames_per_second=5, text_bytes=10, line_bytes=2_000)
    client = limits.for_client(dedupe_seconds=7.0)
    assert (client.rooms_per_session, client.frames_per_second, client.line_bytes) == (None, 5.0, 2_000)
    names = set(ClientLimits.model_fields)
    assert client.model_dump() == {**limits.model_dump(include=names), "dedupe_seconds": 7.0}


def test_a_client_accepts_missing_and_unknown_limits() -> None:
    assert ClientLimits.model_validate_json('{"colours": 5}') == ClientLimits()
    assert all(type(None) in get_args(field.annotation) for field in ClientLimits.model_fields.values())
