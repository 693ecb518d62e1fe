"""A gate with accounts: whoever shows a key is somebody, and somebody's nick is nobody else's.

It answers from a thread of its own, as one does that has to ask elsewhere.
"""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from chatcore.gate import ANYBODY, Claim, Gate, OpenGate, Peer, Person, Post, Refusal, Watch

Answer = Callable[[Person | Refusal], None]

CAVE = "cave"
"""A room for those who have an account."""


class Watchman(OpenGate):
    """Knows people by their keys."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = dict(keys)  # account by key
        self._watch: Watch | None = None
        self._asked: SimpleQueue[tuple[Claim, Answer] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._decide_all)

    def start(self, watch: Watch) -> None:
        self._watch = watch
        self._thread.start()

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()

    def revoke(self, account: str) -> None:
        """Know an account no longer, and put out who is in by it."""
        self._keys = {key: name for key, name in self._keys.items() if name != account}
        assert self._watch
        self._watch.revise()

    def enter(self, claim: Claim, answer: Answer) -> None:
        self._asked.put((claim, answer))

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        if person.account is None or person.account in self._keys.values():
            return None
        return Refusal("unauthorized", "you are not known any more")

    def may_call(self, person: Person, nick: str) -> bool:
        return nick.casefold() == person.account or nick.casefold() not in self._keys.values()

    def may_join(self, person: Person, room: str) -> Refusal | None:
        if room == CAVE and person.account is None:
            return Refusal("forbidden", "the cave is not for strangers")
        return None

    def is_private(self, room: str) -> bool:
        return room == CAVE

    def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
        if "fire" in post.text:
            return Refusal("forbidden", "do not speak of fire")
        return post.model_copy(update={"text": post.text.replace("wheel", "round thing")})

    def _decide_all(self) -> None:
        while asked := self._asked.get():
            claim, answer = asked
            answer(self._decide(claim))

    def _decide(self, claim: Claim) -> Person | Refusal:
        if claim.key is None:
            return ANYBODY
        account = self._keys.get(claim.key)
        if account is None:
            return Refusal("unauthorized", "nobody here knows this key")
        return Person(account, role="hunter")


_: type[Gate] = Watchman
