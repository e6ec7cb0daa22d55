"""Scanning files: the whole matcher without a server. Orders first, then every sighting by that final state.

No wall clock: a hit counts as detected when its sighting occurred. Memory grows with the orders and the hits, not with the
sightings: files are read in blocks of whole lines.
"""

from __future__ import annotations

import gzip
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from matchers.keys import KeyHasher, KeyKind
from matchers.sighting import read_sighting
from matchers.wire import RECORD_BYTES_MAX, UnreadableError
from stream.core.hit import Hit
from stream.core.resolve import resolve
from stream.core.screen import screen
from watchlists.bloom import KeyFilter
from watchlists.index import Logged, Watchlist
from watchlists.lifecycle import SAYS
from watchlists.order import read_order
from watchlists.policy import Policy

BLOCK_BYTES = 1 << 20
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
        self._filter = KeyFilter(1, FALSE_POSITIVES)
        self._told: set[str] = set()

    def load(self, name: str, lines: Iterable[bytes]) -> Iterator[int]:
        """Apply orders in file order; yields the number of lines read so far, for whoever shows progress."""
        for number, line in _numbered(lines):
            self.tally.orders += 1
            try:
                decision = self._watchlist.apply(Logged(read_order(line), line))
            except UnreadableError as error:
                self._bury(DeadLetter(name, number, error.reason, error.detail, line))
            else:
                if decision.refused:
                    self._bury(DeadLetter(name, number, decision.value, SAYS[decision], line))
            yield self.tally.orders
        self._build_filter()

    def sightings(self, name: str, blocks: Iterable[list[bytes]]) -> Iterator[list[Hit]]:
        """The hits of each block of sightings, in input order; a block without hits yields an empty list."""
        first_line = 1
        for lines in blocks:
            records, numbers = _without_blank(lines, first_line)
            first_line += len(lines)
            self.tally.sightings += len(records)
            hits: list[Hit] = []
            for position in screen(records, self._hasher, self._filter):
                hits += self._look_closer(name, numbers[position], records[position])
            yield hits

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


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file of lines: plain, gzip (told by its first bytes, whatever its name), or ``-`` for standard input."""
    if path == "-":
        yield _unzipped(sys.stdin.buffer)
        return
    with Path(path).open("rb") as file:
        yield _unzipped(file)


def blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a file in lists of about a megabyte. A line over the record limit is cut there, and so is unreadable."""
    rest = b""
    while block := file.read(BLOCK_BYTES):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > RECORD_BYTES_MAX + 1:
            rest = rest[: RECORD_BYTES_MAX + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]


def _unzipped(file: BinaryIO) -> BinaryIO:
    peek = file.peek(2)[:2] if hasattr(file, "peek") else b""
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if peek == b"\x1f\x8b" else file


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((number, line.rstrip(b"\r\n")) for number, line in enumerate(lines, 1) if line.strip())


def _without_blank(lines: list[bytes], first_line: int) -> tuple[list[bytes], range | list[int]]:
    """The lines that hold anything, and their numbers. Blank lines are common only at a file's end."""
    if all(lines) and not any(line.isspace() for line in lines if len(line) < 8):
        return lines, range(first_line, first_line + len(lines))
    kept = [(line, number) for number, line in enumerate(lines, first_line) if line.strip()]
    return [line for line, _ in kept], [number for _, number in kept]
