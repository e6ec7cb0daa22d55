"""What the engine sees of itself, and which of it opens an incident (S4.5): pure functions from observations to openings.

Each watcher says what stands now. What stood before and is not among it any more is over.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from stream.core.authority import NATION
from stream.core.escalation import POLICE_LEVELS
from stream.core.hit import Says
from stream.core.incident import IncidentKind, Opening
from stream.core.notice import Place
from stream.core.outage import Outage
from stream.core.silence import Bounds, Pattern, is_silent

K = TypeVar("K")
"""What names a partition."""
SAMPLES_MAX: Final = 512
OPENINGS_MAX: Final = 500
"""Of one watcher; whatever makes more of them at once is one trouble, and not so many."""
EVERYWHERE: Final = frozenset({"*", "nation"})


class Thresholds(NamedTuple):
    """From where on what is seen opens an incident."""

    lag_s: float = 300.0
    index_s: float = 60.0
    endpoint_s: float = 600.0
    fill: float = 0.55
    fill_s: float = 600.0
    dead_letters: int = 600
    dead_letters_s: float = 600.0
    silence: Bounds = Bounds()


class Reader(NamedTuple):
    """A reader of a topic, as it is told of: what it is, in both languages."""

    name: str
    zh: str
    en: str


class Source(NamedTuple):
    """A source of sightings: a topic, and the province whose stations send to it; None: all of them together."""

    topic: str
    province: str | None = None


class Progress(Generic[K]):
    """How far behind a reader of partitions is, in seconds: since when what it has read is all that there was.

    A sample is where the partitions ended at a moment; who has passed it had, then, everything.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[dt.datetime, Mapping[K, int]]] = deque(maxlen=SAMPLES_MAX)
        self._caught_up_at: dt.datetime | None = None

    def seen(self, now: dt.datetime, ends: Mapping[K, int], read: Mapping[K, int]) -> float:
        """Seconds behind. ``read``: the next offset to read, a partition; at the first look it is taken to be where it is."""
        if self._caught_up_at is None:
            self._caught_up_at = now
        if len(self._samples) == SAMPLES_MAX:  # every second one is enough, and the oldest stay
            self._samples = deque(list(self._samples)[::2], maxlen=SAMPLES_MAX)
        self._samples.append((now, dict(ends)))
        while self._samples and all(read.get(partition, 0) >= end for partition, end in self._samples[0][1].items()):
            self._caught_up_at = max(self._caught_up_at, self._samples.popleft()[0])
        return (now - self._caught_up_at).total_seconds()


class Surge:
    """How many came within a time, from a total that only grows."""

    def __init__(self) -> None:
        self._samples: deque[tuple[dt.datetime, int]] = deque(maxlen=SAMPLES_MAX)

    def seen(self, now: dt.datetime, total: int, within_s: float) -> int:
        since = now - dt.timedelta(seconds=within_s)
        self._samples.append((now, total))
        while len(self._samples) > 1 and self._samples[1][0] <= since:
            self._samples.popleft()
        return max(total - self._samples[0][1], 0)


class Fullness:
    """Since when the filters are too full."""

    def __init__(self) -> None:
        self._since: dt.datetime | None = None

    def seen(self, now: dt.datetime, fills: Iterable[float], fill: float) -> float:
        """For how many seconds some worker's filter has been fuller than ``fill``."""
        if max(fills, default=0.0) <= fill:
            self._since = None
            return 0.0
        self._since = self._since or now
        return (now - self._since).total_seconds()


def lags(behind: Mapping[Reader, float], thresholds: Thresholds) -> list[Opening]:
    """Consumer groups that have been behind for long."""
    return [
        Opening(
            kind=IncidentKind.LAG,
            about=reader.name,
            says=Says(
                zh=f"{reader.zh}已落后超过{thresholds.lag_s:g}秒", en=f"{reader.en} is over {thresholds.lag_s:g} s behind"
            ),
        )
        for reader, behind_s in behind.items()
        if behind_s >= thresholds.lag_s
    ]


def stale_index(behind_s: float, thresholds: Thresholds) -> list[Opening]:
    """The index has not had the newest orders for long: a release may not be in it."""
    if behind_s < thresholds.index_s:
        return []
    zh = f"索引已超过{thresholds.index_s:g}秒未含最新指令"
    says = Says(zh=zh, en=f"the index has lacked the newest orders for {thresholds.index_s:g} s")
    return [Opening(kind=IncidentKind.STALE_INDEX, about="orders", says=says)]


def silent_sources(patterns: Mapping[Source, Pattern], thresholds: Thresholds) -> list[Opening]:
    """Sources that are silent against their own patterns. Where a whole topic is, its provinces are not told of one by one."""
    silent = [source for source, pattern in patterns.items() if is_silent(pattern, thresholds.silence)]
    whole = {source.topic for source in silent if source.province is None}
    named = [source for source in silent if source.province is None or source.topic not in whole]
    return [_silent(source) for source in sorted(named, key=lambda one: (one.topic, one.province or ""))]


def _silent(source: Source) -> Opening:
    province = source.province
    if province is None:
        says = Says(zh=f"{source.topic}无任何来源上报", en=f"nothing comes on {source.topic} any more")
        return Opening(kind=IncidentKind.SILENT_SOURCE, about=source.topic, says=says)
    says = Says(
        zh=f"{source.topic}：省份{province}的上报中断，与其以往规律不符",
        en=f"{source.topic}: province {province} has fallen silent against its own pattern",
    )
    about = f"{source.topic} {province}"
    return Opening(kind=IncidentKind.SILENT_SOURCE, about=about, says=says, province=_province(province))


def failing_endpoints(outages: Iterable[tuple[Place, Outage]], now: dt.datetime, thresholds: Thresholds) -> list[Opening]:
    """Endpoints that have failed, or been gone, for long."""
    longest = dt.timedelta(seconds=thresholds.endpoint_s)
    lasting = [place for place, outage in outages if outage.recovered_at is None and now - outage.since >= longest]
    return [_failing(place) for place in sorted(lasting)[:OPENINGS_MAX]]


def _failing(place: Place) -> Opening:
    says = Says(
        zh=f"通知渠道失效：{place.court} {place.level} {place.channel} {place.name}",
        en=f"an endpoint fails: {place.court} {place.level} {place.channel} {place.name}",
    )
    about = f"{place.court} {place.level} {place.channel} {place.name}"
    opening = Opening(kind=IncidentKind.FAILING_ENDPOINT, about=about, says=says)
    if place.court in EVERYWHERE:
        return opening
    if place.level in ("high_court", *POLICE_LEVELS[1:]):
        return opening.model_copy(update={"province": _province(place.court)})
    return opening.model_copy(update={"station" if place.level == "station" else "court": place.court})


def filter_full(full_s: float, thresholds: Thresholds) -> list[Opening]:
    """A filter has been too full for long: too many sightings of people nobody seeks are looked at closely."""
    if full_s < thresholds.fill_s or not full_s:
        return []
    says = Says(zh=f"过滤器填充率超过{thresholds.fill:.0%}", en=f"a filter is more than {thresholds.fill:.0%} full")
    return [Opening(kind=IncidentKind.FILTER_FULL, about="filter", says=says)]


def dead_letter_surge(count: int, thresholds: Thresholds) -> list[Opening]:
    """Many records could not be read, or were refused."""
    if count < thresholds.dead_letters:
        return []
    within = f"{thresholds.dead_letters_s:g}"
    says = Says(
        zh=f"{within}秒内死信不少于{thresholds.dead_letters}条",
        en=f"at least {thresholds.dead_letters} records could not be read or were refused within {within} s",
    )
    return [Opening(kind=IncidentKind.DEAD_LETTERS, about="deadletters", says=says)]


def audit_gaps(faults: Iterable[tuple[str, str]]) -> list[Opening]:
    """Chains of the audit log that do not verify: each with its writer and what is wrong."""
    by_writer: dict[str, Counter[str]] = {}
    for writer, fault in faults:
        by_writer.setdefault(writer, Counter())[fault] += 1
    return [_gap(writer, by_writer[writer]) for writer in sorted(by_writer)[:OPENINGS_MAX]]


def _gap(writer: str, found: Counter[str]) -> Opening:
    what = ", ".join(f"{fault} {count}" for fault, count in sorted(found.items()))
    says = Says(zh=f"审计日志链{writer}未通过校验：{what}", en=f"chain {writer} of the audit log does not verify: {what}")
    return Opening(kind=IncidentKind.AUDIT_GAP, about=writer, says=says)


def _province(code: str) -> str | None:
    """A province's code; None for the nation's, which is nobody's but the nation's."""
    return None if code == NATION else code
