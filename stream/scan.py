"""Scanning files: the whole matcher without a server. Orders first, then every sighting by that final state.

No wall clock: a hit counts as detected when its sighting occurred. Memory grows with the orders and the hits, not with the
sightings.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from matchers.batch import SightingReader, Texts
from matchers.keys import KeyHasher, KeyKind
from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from stream.core.hit import Hit
from stream.core.resolve import resolve
from stream.core.screen import screen
from stream.lines import DamagedFileError
from watchlists.bloom import KeyFilter
from watchlists.glance import glance
from watchlists.index import Logged, Watchlist
from watchlists.lifecycle import SAYS
from watchlists.policy import Policy

FALSE_POSITIVES = 1e-5
"""Share of keys nobody seeks that cost an exact look-up."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that could not be read or was refused; ``raw`` is personal data."""

    source: str
    line: int
    reason: str
    detail: str
    raw: bytes


@dataclass(slots=True)
class Tally:
    """What a scan counted."""

    orders: int = 0
    orders_in_place: int = 0
    keys: int = 0
    sightings: int = 0
    maybes: int = 0
    hits: int = 0
    verify: int = 0
    dead_letters: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class Scan:
    """One scan: ``load`` the orders, then ``sightings`` of as many files as there are."""

    def __init__(self, policy: Policy, bury: Callable[[DeadLetter], None]) -> None:
        self.tally = Tally()
        self._policy = policy
        self._bury_in = bury
        self._watchlist = Watchlist()
        self._hasher = KeyHasher(secrets.token_bytes(16))
        self._reader = SightingReader(self._hasher)
        self._filter = KeyFilter(1, FALSE_POSITIVES)
        self._told: set[str] = set()

    def load(self, name: str, blocks: Iterable[list[bytes]]) -> Iterator[int]:
        """Apply orders in file order; yields the number of orders read so far, for whoever shows progress."""
        before = 0
        for lines in blocks:
            for number, line in enumerate(lines, before + 1):
                if raw := _record(line):
                    self._apply(name, number, raw)
            before += len(lines)
            yield self.tally.orders
        self._build_filter()

    def sightings(self, name: str, blocks: Iterable[list[bytes]]) -> Iterator[list[Hit]]:
        """The hits of each block of sightings, in input order; a block without hits yields an empty list.

        Where a file is damaged, what comes before is judged and the rest is a dead letter.
        """
        before = 0
        try:
            for lines in blocks:
                yield self._judge(name, before, lines)
                before += len(lines)
        except DamagedFileError as error:
            self._bury(DeadLetter(name, before + 1, "damaged_file", str(error), b""))

    def _judge(self, name: str, before: int, lines: list[bytes]) -> list[Hit]:
        self.tally.sightings += len(lines)
        hits: list[Hit] = []
        for position in screen(Texts.of(lines), self._reader, self._filter):
            if raw := _record(lines[position]):
                hits += self._look_closer(name, before + position + 1, raw)
            else:
                self.tally.sightings -= 1
        return hits

    def _apply(self, name: str, line: int, raw: bytes) -> None:
        self.tally.orders += 1
        try:
            decision = self._watchlist.apply(Logged(glance(raw), raw))
        except UnreadableError as error:
            self._bury(DeadLetter(name, line, error.reason, error.detail, raw))
        else:
            if decision.refused:
                self._bury(DeadLetter(name, line, decision.value, SAYS[decision], raw))

    def _look_closer(self, name: str, line: int, raw: bytes) -> Iterator[Hit]:
        try:
            sighting = read_sighting(raw)
        except UnreadableError as error:
            self._bury(DeadLetter(name, line, error.reason, error.detail, raw))
            return
        self.tally.maybes += 1
        orders = self._watchlist.candidates(sighting.keys())
        for hit in resolve(sighting, orders, self._policy, detected_at=sighting.occurred_at):
            if hit.id not in self._told:
                self._told.add(hit.id)
                self.tally.hits += 1
                self.tally.verify += hit.verify_first
                yield hit

    def _build_filter(self) -> None:
        values: dict[KeyKind, list[str]] = {}
        for key in self._watchlist.keys():
            values.setdefault(key.kind, []).append(key.value)
        self.tally.orders_in_place = len(self._watchlist)
        self.tally.keys = sum(map(len, values.values()))
        self._filter = KeyFilter(max(self.tally.keys * 3 // 2, 1 << 17), FALSE_POSITIVES)
        for kind, of_kind in values.items():
            self._filter.add_keys(np.unique(self._hasher.hash_values(kind, of_kind)))

    def _bury(self, letter: DeadLetter) -> None:
        self.tally.dead_letters += 1
        self.tally.reasons[letter.reason] = self.tally.reasons.get(letter.reason, 0) + 1
        self._bury_in(letter)


def _record(line: bytes) -> bytes:
    """The record in a line, or nothing where the line is blank."""
    return line.rstrip(b"\r\n") if line.strip(b" \t\r\n") else b""
