"""What routes share that hand out a topic page by page."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

import msgspec
from fastapi import Query

from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor
from connectors.door.pages import Chosen, CursorGoneError, Pages
from connectors.door.problems import ProblemError
from connectors.door.settings import WAIT_S_MAX

PAGE_MAX: Final = 1000

After = Annotated[str | None, Query(max_length=CHARACTERS_MAX, description="the cursor that came with the last page")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Wait = Annotated[float, Query(ge=0, le=WAIT_S_MAX, description="seconds to wait when there is nothing yet")]


class Turned(NamedTuple):
    """A page as it is answered: ``next`` is the cursor to come back with, whether or not there was anything."""

    records: list[msgspec.Raw]
    next: str
    more: bool


async def turn_page(pages: Pages, chosen: Chosen, after: str | None, limit: int, wait_s: float) -> Turned:
    """The next page after a cursor that somebody sent.

    Raises:
        ProblemError: it is no cursor (``invalid``), or what lies behind it is not kept (``cursor_gone``).
        KafkaUnreachableError, TopicError: Kafka cannot be read.
    """
    try:
        page = await pages.page(chosen, None if after is None else read_cursor(after), limit, wait_s)
    except CursorError as error:
        raise ProblemError("invalid", detail=f"query.after: {error}") from None
    except CursorGoneError as error:
        raise ProblemError("cursor_gone", resume_after=write_cursor(error.resume)) from None
    return Turned(page.records, write_cursor(page.positions), page.more)
