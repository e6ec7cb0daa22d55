"""Odd querying: questions that no case explains by their number, their hour, or how many ask about one subject (S5.1, S5.2).

A function of the questions as they come, each with its own time; nothing here asks the clock. What is odd opens an incident,
which names a credential or a keyed digest, and never a person.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from stream.core.hit import Says
from stream.core.incident import IncidentKind, Opening

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
_FRIDAY: Final = 4
KEPT_MAX: Final = 200_000
"""Questions remembered at most; beyond those the oldest are forgotten before their time."""


class Oddity(StrEnum):
    """What is odd."""

    VOLUME = "volume"
    OFF_HOURS = "off_hours"
    MANY_ASKERS = "many_askers"


class Limits(NamedTuple):
    """How much is not odd yet, within ``window``. Working hours are from Monday to Friday, in Beijing's time."""

    window: dt.timedelta
    by_credential: int
    off_hours_by_credential: int
    askers_of_subject: int
    opens_hour: int
    closes_hour: int

    def is_off_hours(self, at: dt.datetime) -> bool:
        here = at.astimezone(CHINA)
        return here.weekday() > _FRIDAY or not self.opens_hour <= here.hour < self.closes_hour


class Asked(NamedTuple):
    """One question: who asked, for which court, and a keyed digest of whom it is about."""

    id: str
    at: dt.datetime
    credential: str
    court: str
    province: str | None
    subject: int


class Querying:
    """Remembers the questions of one window. Questions may come in any order, and again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._asked: deque[Asked] = deque()
        self._ids: set[str] = set()
        self._by_credential: Counter[str] = Counter()
        self._off_hours: Counter[str] = Counter()
        self._of_subject: dict[int, Counter[str]] = {}
        self._told: dict[tuple[Oddity, str], dt.datetime] = {}
        self._latest = dt.datetime.fromtimestamp(0, dt.UTC)

    def noted(self, asked: Asked) -> list[tuple[Oddity, Opening]]:
        """Take a question in; returns what became odd by it and was not said within the window before."""
        if asked.at <= self._latest - self._limits.window:
            return []
        self._latest = max(self._latest, asked.at)
        self._forget()
        if asked.id in self._ids:
            return []
        self._count(asked, 1)
        self._ids.add(asked.id)
        self._asked.append(asked)
        return [(oddity, opening) for oddity, opening in self._odd(asked) if self._is_news(oddity, opening.about)]

    def _odd(self, asked: Asked) -> Iterator[tuple[Oddity, Opening]]:
        limits, who = self._limits, asked.credential
        hours = f"{limits.window / dt.timedelta(hours=1):g}"
        if (count := self._by_credential[who]) > limits.by_credential:
            zh, en = f"{hours}小时内查询{count}次", f"{count} queries within {hours} h"
            yield Oddity.VOLUME, _opening(who, zh, en, asked)
        if limits.is_off_hours(asked.at) and (count := self._off_hours[who]) > limits.off_hours_by_credential:
            zh, en = f"{hours}小时内在非工作时间查询{count}次", f"{count} queries outside working hours within {hours} h"
            yield Oddity.OFF_HOURS, _opening(who, zh, en, asked)
        if (count := len(self._of_subject[asked.subject])) > limits.askers_of_subject:
            zh, en = (
                f"{hours}小时内有{count}个凭证查询同一对象",
                f"{count} credentials asked about one subject within {hours} h",
            )
            yield Oddity.MANY_ASKERS, _opening(f"subject {asked.subject:016x}", zh, en, None)

    def _is_news(self, oddity: Oddity, about: str) -> bool:
        last = self._told.get((oddity, about))
        if last is not None and self._latest - last < self._limits.window:
            return False
        self._told[oddity, about] = self._latest
        return True

    def _forget(self) -> None:
        """What has left the window. Late ones stay until those before them in the queue go."""
        oldest = self._latest - self._limits.window
        while self._asked and (self._asked[0].at <= oldest or len(self._asked) >= KEPT_MAX):
            gone = self._asked.popleft()
            self._ids.discard(gone.id)
            self._count(gone, -1)
        if len(self._told) > KEPT_MAX:
            self._told = {of: at for of, at in self._told.items() if at > oldest}

    def _count(self, asked: Asked, by: int) -> None:
        counters = [(self._by_credential, asked.credential)]
        counters += [(self._off_hours, asked.credential)] if self._limits.is_off_hours(asked.at) else []
        askers = self._of_subject.setdefault(asked.subject, Counter())
        for counter, name in (*counters, (askers, asked.credential)):
            counter[name] += by
            if not counter[name]:
                del counter[name]
        if not askers:
            del self._of_subject[asked.subject]


def _opening(about: str, zh: str, en: str, asked: Asked | None) -> Opening:
    """``asked`` None: it is no one court's."""
    return Opening(
        kind=IncidentKind.ODD_QUERYING,
        about=about,
        says=Says(zh=f"快速查询异常：{zh}", en=f"odd querying: {en}"),
        court=None if asked is None else asked.court,
        province=None if asked is None else asked.province,
    )
