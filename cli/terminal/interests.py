"""What the user wants to hear of: words beside their nick, rooms that are muted, and people who are ignored.

- A word counts as the nick does. Those of the settings are there at each start, those of this client are
  remembered with everything else.
- A muted room has no news but mentions.
- An ignored person's messages are not shown, and are nobody's news; how many there were is counted. Nor is it
  shown that they come and go. Whoever changes their nick is still ignored, for as long as they have that one.
"""

from collections.abc import Iterable, Sequence

from chatcore import Presence, fold
from cli.terminal.memory import Memory

__all__ = ["Interests", "describe_ignored", "describe_unignored", "describe_word", "describe_words"]

MOST_WORDS = 100
"""Words that count as a mention."""


class Interests:
    """The interests of one user. Nicks, rooms and words are found in any case."""

    def __init__(self, memory: Memory, words: Iterable[str] = ()) -> None:
        self._memory = memory
        self._words = {fold(word): word for word in [*words, *memory.highlights] if word.strip()}
        self._muted = set(memory.muted)
        self._ignored = {fold(nick): nick for nick in memory.ignored}
        self._aliases: dict[str, str] = {}  # other nicks of ignored people, and the one they are ignored by
        self._hidden: dict[str, int] = {}  # how many messages were hidden, by the nick that is ignored

    # --- words -----------------------------------------------------------------------------------

    @property
    def words(self) -> Sequence[str]:
        """The words that count as mentions, beside the nick."""
        return list(self._words.values())

    def toggle_word(self, word: str) -> bool | None:
        """Add a word, or take it out; return whether it counts now, or ``None`` if it is one too many."""
        folded = fold(word)
        wanted = folded not in self._words
        if wanted and len(self._words) >= MOST_WORDS:
            return None
        if wanted:
            self._words[folded] = word
        else:
            del self._words[folded]
        self._memory.set_highlight(word, highlighted=wanted)
        return wanted

    # --- rooms -----------------------------------------------------------------------------------

    def is_muted(self, room: str) -> bool:
        """Tell whether a room has no news but mentions."""
        return fold(room) in self._muted

    def toggle_muted(self, room: str) -> bool:
        """Mute a room, or listen to it again; return whether it is muted now."""
        folded = fold(room)
        self._muted ^= {folded}
        self._memory.set_muted(room, muted=folded in self._muted)
        return folded in self._muted

    # --- people ----------------------------------------------------------------------------------

    @property
    def ignored(self) -> Sequence[tuple[str, int]]:
        """The nicks that are ignored, and how many messages of each were hidden."""
        return [(nick, self._hidden.get(folded, 0)) for folded, nick in self._ignored.items()]

    def ignore(self, nick: str) -> bool:
        """Ignore somebody; return whether that is new."""
        if self.is_ignored(nick):
            return False
        self._ignored[fold(nick)] = nick
        self._memory.set_ignored(nick, ignored=True)
        return True

    def unignore(self, nick: str) -> int | None:
        """Ignore somebody no longer; return how much was hidden, or ``None`` if they were not ignored."""
        folded = self._by(nick)
        if folded is None:
            return None
        self._memory.set_ignored(self._ignored.pop(folded), ignored=False)
        self._aliases = {alias: by for alias, by in self._aliases.items() if by != folded}
        return self._hidden.pop(folded, 0)

    def is_ignored(self, nick: str) -> bool:
        """Tell whether somebody is ignored."""
        return self._by(nick) is not None

    def note_hidden(self, nick: str) -> None:
        """Count a message that was not shown."""
        if (folded := self._by(nick)) is not None:
            self._hidden[folded] = self._hidden.get(folded, 0) + 1

    def follow(self, presence: Presence) -> Presence:
        """Learn who has another nick now, and who is gone: another may have their nick next.

        Return what is to be shown of it: whom we ignore is left out, but for the count.
        """
        heard = self._without_ignored(presence) if self._ignored else presence
        for pair in presence.renamed:
            by = self._by(pair.old)
            self._aliases.pop(fold(pair.old), None)
            if by is not None and fold(pair.new) != by:
                self._aliases[fold(pair.new)] = by
        for nick in presence.left:
            self._aliases.pop(fold(nick), None)
        return heard

    def _without_ignored(self, presence: Presence) -> Presence:
        return presence.model_copy(
            update={
                "joined": tuple(nick for nick in presence.joined if not self.is_ignored(nick)),
                "left": tuple(nick for nick in presence.left if not self.is_ignored(nick)),
                "renamed": tuple(pair for pair in presence.renamed if not self.is_ignored(pair.old)),
            }
        )

    def _by(self, nick: str) -> str | None:
        """Return the folded nick by which somebody is ignored."""
        folded = fold(nick)
        return folded if folded in self._ignored else self._aliases.get(folded)


def describe_words(interests: Interests) -> str:
    """Return which words count as mentions."""
    words = ", ".join(interests.words)
    return (
        f"these count as a mention: {words}"
        if words
        else "only your name counts; /highlight WORD adds a word"
    )


def describe_word(word: str, added: bool | None) -> str:
    """Return whether a word counts as a mention now."""
    if added is None:
        return f"there are {MOST_WORDS} words already; /highlight lists them"
    return f"{word} counts as a mention now" if added else f"{word} no longer counts as a mention"


def describe_ignored(interests: Interests) -> str:
    """Return who is ignored, and how much that has hidden."""
    people = ", ".join(f"{nick} ({hidden:,} hidden)" for nick, hidden in interests.ignored)
    return f"you ignore {people}" if people else "you ignore nobody; /ignore NICK does"


def describe_unignored(nick: str, hidden: int | None) -> str:
    """Return that somebody is heard again."""
    if hidden is None:
        return f"you do not ignore {nick}"
    were = "1 message was" if hidden == 1 else f"{hidden:,} messages were"
    return f"what {nick} says is shown again; {were} hidden"
