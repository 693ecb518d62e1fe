"""What is decided about frames apart from how they are written down."""

from chatcore.messages import digest


def test_a_digest_tells_kinds_targets_and_texts_apart() -> None:
    posted = [
        (None, None, "hi"),
        ("action", None, "hi"),
        ("notice", None, "hi"),
        ("x.a", None, "hi"),
        ("x.a", 1, "hi"),
        ("x.a", 11, "hi"),
        ("x.a", 1, "1hi"),
        (None, None, "x.a\n1\nhi"),
    ]
    digests = [digest(*each) for each in posted]
    assert len(set(digests)) == len(posted)
    assert {len(each) for each in digests} == {16}
