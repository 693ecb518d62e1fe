"""Which entries of a log count, and what shows that two readers have read the same."""

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from chatcore.replication import LogEntry
from chatcore.replication.fence import (
    ENTRY_BYTES,
    NO_DIGEST,
    Frame,
    ReadDigest,
    UnknownVersion,
    admits,
    chained,
    read_frame,
    write_frame,
)
from tests.interpreters import OTHERS, interpreter
from tests.replication.hostile import HOSTILE, hostile

FIELDS: dict[str, Any] = {"v": 1, "node": "a1", "term": 0, "number": 3, "seen": [7, "ab"], "drafts": []}


def data(**changes: Any) -> bytes:
    """Return an entry with other fields; those that are ``...`` are left out."""
    return json.dumps(
        {name: value for name, value in (FIELDS | changes).items() if value is not ...},
        separators=(",", ":"),
    ).encode()


def admitted(entries: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return which of some entries of one node count, in the order in which they come."""
    known: tuple[int, int] | None = None
    found = []
    for term, number in entries:
        if admits(known, term, number):
            known = term, number + 1
            found.append((term, number))
    return found


def test_entries_count_in_the_order_of_their_numbers_and_once() -> None:
    assert admitted([(0, 0), (0, 0), (0, 1), (0, 3), (0, 2), (0, 1), (0, 3)]) == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
    ]


def test_a_higher_term_begins_with_its_number_0_and_ends_those_before() -> None:
    came = [(0, 0), (2, 1), (0, 1), (2, 0), (0, 2), (1, 0), (2, 1), (2, 0)]
    assert admitted(came) == [(0, 0), (0, 1), (2, 0), (2, 1)]


def test_of_a_node_that_is_not_known_only_number_0_counts() -> None:
    assert admitted([(0, 1), (3, 2), (3, 0), (3, 1)]) == [(3, 0), (3, 1)]


def test_whatever_is_lost_repeated_and_reordered_what_counts_is_a_beginning_in_its_order() -> None:
    sent = [(0, n) for n in range(5)]
    for came in permutations([*sent[1:], sent[0], sent[2]], 5):
        found = admitted(list(came))
        assert found == sent[: len(found)]


def test_an_entry_is_read_as_it_was_written() -> None:
    frame = Frame("a1", 2, 5, ReadDigest(9, "0f"), {"drafts": [["lobby", "1", "ana", "h\u00e4 \U0001f600"]]})
    assert read_frame(write_frame(1, frame), 1) == frame


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        json.dumps(FIELDS).encode("utf-16"),
        b"\xef\xbb\xbf" + data(),
        b"[" * 100_000,
        data(v=...),
        data(v="1"),
        data(v=True),
        data(v=-1),
        data(v=1.0),
        data(v=10**15),
        data().replace(b'"v":1', b'"v":01'),
        data().replace(b'"v":1', b'"v": 1'),
        data(v=2).replace(b"{", b" {", 1),
        data(v=..., drafts=[]).replace(b"}", b',"v":1}'),
        data().replace(b"}", b',"v":2}'),
        data(node=...),
        data(node=""),
        data(node="a b"),
        data(node="\u00e4"),
        data(node="a" * 65),
        data(term=None),
        data(term=-1),
        data(term=2**53),
        data(number="3"),
        data(number=True),
        data().replace(b'"number":3', b'"number":' + b"9" * 5_000),
        data(seen=[7]),
        data(seen=["ab", 7]),
        data(seen={"7": "ab"}),
        data(seen=...),
        data(pad="x" * ENTRY_BYTES),
    ],
    ids=lambda entry: repr(entry[:40]),
)
def test_what_is_no_entry_of_ours_is_none(entry: bytes) -> None:
    assert read_frame(entry, 1) is None


@pytest.mark.parametrize("version", [0, 2, 99, 10**15 - 1])
def test_an_entry_of_another_version_is_not_read_at_all(version: int) -> None:
    for entry in (data(v=version, node=...), data(v=version)[:22], data(v=version) + b"\xff]"):
        with pytest.raises(UnknownVersion) as caught:
            read_frame(entry, 1)
        assert caught.value.version == version


def test_an_entry_that_is_too_large_is_void_whatever_its_version() -> None:
    assert read_frame(data(v=2, pad="x" * ENTRY_BYTES), 1) is None


# --- what programs in Python may read differently ------------------------------------------------


@pytest.mark.parametrize(("digits", "counts"), [(40, True), (41, False), (5_000, False), (100_000, False)])
def test_a_number_has_a_limited_length(digits: int, counts: bool) -> None:
    assert (read_frame(hostile(b"9" * digits), 1) is not None) == counts


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_number_in_json_is_void(value: bytes) -> None:
    assert read_frame(hostile(value), 1) is None


@pytest.mark.parametrize("one", [b"[]", b'{"a":}'])
def test_an_entry_is_nested_as_deep_as_that_is_told_from_its_bytes(one: bytes) -> None:
    begin, end = one[:-1], one[-1:]
    for depth in (1, 14, 15, 16, 1_000, 100_000):
        entry = hostile(begin * depth + (b"0" if begin != b"[" else b"") + end * depth)
        assert (read_frame(entry, 1) is not None) == (depth <= 15), depth


@pytest.mark.parametrize("text", ["[" * 50, '"[{' * 20, "\\" * 7 + "[" * 50, '\\"[' * 50, "]}" * 50])
def test_brackets_in_a_text_are_no_nesting(text: str) -> None:
    frame = Frame("a1", 2, 5, ReadDigest(9, "0f"), {"drafts": [[text, "1"]] * 9, "[{": {text: text}})
    assert read_frame(write_frame(1, frame), 1) == frame


@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONINTMAXSTRDIGITS": "0"}, {"PYTHONINTMAXSTRDIGITS": "640"}]
)
@pytest.mark.parametrize("version", [None, *OTHERS])
def test_what_is_void_is_so_for_every_python(version: str | None, environment: dict[str, str]) -> None:
    python = sys.executable if version is None else interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here can import pydantic; CONTRIBUTING.md says how to make one")
    done = subprocess.run(
        [python, "-m", "tests.replication.hostile"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{name} {verdict}\n" for name, _, verdict in HOSTILE)


def test_digests_differ_where_anything_of_what_was_read_does() -> None:
    one = LogEntry(1, 1_000, b"a")
    others = [one._replace(position=2), one._replace(at=1_001), one._replace(data=b"b")]
    digests = {chained(NO_DIGEST, entry) for entry in (one, *others)} | {chained("0f", one)}
    assert len(digests) == 5
    assert chained(NO_DIGEST, one) == chained(NO_DIGEST, LogEntry(1, 1_000, b"a"))
