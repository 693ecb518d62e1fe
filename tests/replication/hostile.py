"""Entries that programs in Python might read differently, and what each comes to for all of them.

python -m tests.replication.hostile
"""

from typing import Final

from chatcore.replication.fence import UnknownVersion, read_frame

__all__ = ["HOSTILE", "hostile"]


def hostile(value: bytes, version: int = 1) -> bytes:
    """Return an entry that is as it should be, but for a value."""
    return b'{"v":%d,"node":"a1","term":0,"number":3,"seen":[7,"ab"],"x":%b}' % (version, value)


HOSTILE: Final = [
    (f"{name} of version {version}", hostile(value, version), verdict if version == 1 else "stops")
    for name, value, verdict in (
        ("nothing", b"0", "counts"),
        *(
            (f"{depth} arrays", b"[" * depth + b"]" * depth, "void")
            for depth in (16, 900, 1_000, 5_000, 900_000)
        ),
        *((f"{depth} objects", b'{"a":' * depth + b"0" + b"}" * depth, "void") for depth in (900, 200_000)),
        ("arrays without an end", b"[" * 100_000, "void"),
        *((f"{digits} digits", b"9" * digits, "void") for digits in (641, 4_301, 1_000_000)),
        ("digits below zero", b"-" + b"9" * 4_301, "void"),
        ("a long fraction", b"0." + b"9" * 10_000, "counts"),
        ("a large exponent", b"1e999999", "counts"),
        ("NaN", b"NaN", "void"),
        ("Infinity", b"-Infinity", "void"),
        ("a surrogate", b'"\\ud800"', "counts"),
        ("two surrogates", b'"\\udc00\\ud800"', "counts"),
        ("a surrogate in bytes", b'"\xed\xa0\x80"', "void"),
        ("a control character", b'"\x01"', "void"),
        ("a zero in front", b"01", "void"),
        ("a digit of another script", "\u0661".encode(), "void"),
        ("the same name twice", b'0,"x":1', "counts"),
        ("another version later", b'0,"v":2', "void"),
        ("what follows", b"0}0", "void"),
    )
    for version in (1, 2)
]
"""Names, entries, and whether each counts, is void, or stops whoever reads it."""


def main() -> None:
    """Say what each comes to here."""
    for name, entry, _ in HOSTILE:
        try:
            verdict = "void" if read_frame(entry, 1) is None else "counts"
        except UnknownVersion:
            verdict = "stops"
        print(name, verdict)  # noqa: T201


if __name__ == "__main__":
    main()
