"""``/search``: what was said, found by the server, or among what was shown where the server cannot search.

Results are numbered, the newest first. ``/back #N`` shows what was said around one, and ``/search`` alone
goes on where the last one has ended.
"""

from collections.abc import Callable, Iterable, Sequence

from chatcore import Found, Gap, Message, RefusedError, UsageError
from cli.queries import EMPTY_PAGES, Wanted, parse_wanted
from cli.terminal.answers import Answers
from cli.terminal.conversation import Conversation
from cli.terminal.paging import entries_of
from cli.terminal.painter import Fragments
from cli.terminal.rooms import Entry
from transports.asyncio_tcp import Chat

__all__ = ["EVERYWHERE", "Searches"]

RESULTS = 20
"""Results that are shown together."""

AROUND = 10
"""Messages before a result that are shown with it, and as many after it."""

EVERYWHERE = "*"
"""The room that stands for all that we are in."""


class Searches:
    """What the user has searched last. ``show`` prints lines."""

    def __init__(
        self, conversation: Conversation, answers: Answers, show: Callable[[Fragments], None]
    ) -> None:
        self._conversation = conversation
        self._answers = answers
        self._show = show
        self._results: list[Message] = []
        self._query = ""  # of these results
        self._wanted: Wanted | None = None  # there may be more of it
        self._cursor: str | None = None

    async def search(self, chat: Chat, text: str) -> None:
        """Search in the current room, or go on if there is no text. Raises what the server answers."""
        try:
            if text:
                self._begin(parse_wanted(text))
            await self._go_on(chat)
        except UsageError as error:
            self._show(self._answers.warning(str(error)))

    async def show_around(self, chat: Chat, number: int) -> None:
        """Show what was said around a result. Raises what the server answers."""
        if not 0 < number <= len(self._results):
            self._show(self._answers.warning(f"there is no result {number}; /search TEXT finds some"))
            return
        found = self._results[number - 1]
        before = await chat.history(found.room, before=found.seq + 1, limit=AROUND + 1)
        after = await chat.history(found.room, after=found.seq, limit=AROUND)
        room = self._conversation.rooms.get(found.room)
        if room is None or {before.epoch, after.epoch} != {room.epoch}:
            self._show(self._answers.warning(f"the log of {found.room} is another one now"))
            return
        ignored = self._conversation.interests.is_ignored
        rows = [
            (number if entry == found else None, entry)
            for entry in (*entries_of(before), *entries_of(after))
            if isinstance(entry, Gap) or not ignored(entry.nick)
        ]
        self._show_rows(f"around result {number}:", rows, "end of what was around it")

    def _begin(self, wanted: Wanted) -> None:
        current = self._conversation.rooms.current
        if wanted.room is None and current is not None:
            wanted = wanted._replace(room=current.name)
        elif wanted.room == EVERYWHERE:
            wanted = wanted._replace(room=None)
        self._results, self._wanted, self._cursor = [], wanted, None
        self._query = wanted.query or ""

    async def _go_on(self, chat: Chat) -> None:
        if self._wanted is None:
            self._show(self._answers.warning("there is nothing more to show; /search TEXT searches"))
        elif self._conversation.offline:
            self._search_shown("not connected")
        else:
            await self._search(chat, self._wanted)

    async def _search(self, chat: Chat, wanted: Wanted) -> None:
        self._conversation.progress("searching")
        try:
            page = await _page(chat, wanted, self._cursor)
        except RefusedError as error:
            if error.code not in ("unavailable", "unknown_type") or error.retry_after is not None:
                raise
            self._search_shown(error.message)
        else:
            self._show_results(wanted, page)

    def _show_results(self, wanted: Wanted, page: Found) -> None:
        self._cursor = page.cursor
        if page.cursor is None:
            self._wanted = None
        where = "your rooms" if wanted.room is None else wanted.room
        more = "; /search goes on" if page.cursor else ""
        nothing = "nothing more" if self._results else "nothing"
        rows = self._numbered(page.messages)
        hidden = len(page.messages) - len(rows)
        if hidden:
            more = f"; {hidden} hidden (/ignore){more}"
        if rows:
            end = f"/back #N shows what was said around result N{more}"
            self._show_rows(f"found in {where}:", rows, end)
        else:
            self._show(self._answers.note(f"{nothing} found in {where}{more}"))

    def _search_shown(self, why: str) -> None:
        """Search what was shown, where the server does not search."""
        wanted, self._wanted = self._wanted, None
        assert wanted is not None
        text = (wanted.query or wanted.nick or "").strip('"*')
        messages = self._conversation.scrollback.find(text, RESULTS)[::-1]
        if messages:
            heading = f"{why}; latest matches in what has been shown:"
            self._show_rows(heading, self._numbered(messages), "end of results")
        else:
            self._show(self._answers.note(f"{why}; no match in what has been shown"))

    def _show_rows(self, heading: str, rows: Iterable[tuple[int | None, Entry]], end: str) -> None:
        mentioned, query = self._conversation.names_in, self._query
        self._show(self._answers.results(heading, rows, end, mentioned=mentioned, query=query))

    def _numbered(self, messages: Sequence[Message]) -> Sequence[tuple[int | None, Message]]:
        """Return results as they are shown, the newest last, and remember them."""
        shown = [each for each in messages if not self._conversation.interests.is_ignored(each.nick)]
        first = len(self._results) + 1
        self._results += shown
        return [*enumerate(shown, first)][::-1]


async def _page(chat: Chat, wanted: Wanted, cursor: str | None) -> Found:
    """Ask for results; a page without any is followed by the next one, a few times."""
    pages = 0
    while True:
        pages += 1
        page = await chat.search(
            **wanted._asdict(),
            limit=RESULTS,
            cursor=cursor,
        )
        if page.messages or page.cursor is None or pages == EMPTY_PAGES:
            return page
        cursor = page.cursor
