"""The job itself, the same for every peer in Python: the keys of a sighting, and the decision on one that is a member.

Only the way between the topic and these functions differs from peer to peer. JSON is decoded by msgspec into the fields that
are needed; what that cannot read is read carefully, as the engine does; decisions are the engine's own.
"""

from __future__ import annotations

import datetime as dt
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec

from benchmarks.peers.keys import read_wanted
from benchmarks.peers.task import HitRecord, Meter, Task
from matchers.documents import document_key
from matchers.keys import Key
from matchers.plates import plate_number, vin_number
from matchers.sighting import Kind, read_sighting
from matchers.wire import AwareTime, UnreadableError
from stream.core.resolve import resolve
from watchlists.order import Order, read_order
from watchlists.policy import Policy

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class _Station(msgspec.Struct, gc=False):
    code: _NonEmpty


class _Document(msgspec.Struct, gc=False):
    type: str
    number: str


class _Person(msgspec.Struct, gc=False):
    document: _Document


class _Vehicle(msgspec.Struct, gc=False):
    plate: str | None = None
    vin: str | None = None


class _Seen(msgspec.Struct, gc=False):
    id: _NonEmpty
    kind: Kind
    occurred_at: AwareTime
    station: _Station
    person: _Person | None = None
    vehicle: _Vehicle | None = None


_decode: Final = msgspec.json.Decoder(_Seen).decode
_encode: Final = msgspec.json.Encoder().encode


def keys_of(raw: bytes) -> Sequence[tuple[str, str]]:
    """Kind and canonical value of each key that a sighting carries.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        seen = _decode(raw)
    except (ValueError, RecursionError):
        return read_sighting(raw).keys()
    keys: list[tuple[str, str]] = []
    person, vehicle = seen.person, seen.vehicle
    if person is not None:
        keys.append(document_key(person.document.type, person.document.number))
    if vehicle is not None:
        if vehicle.plate:
            keys.append(("plate", plate_number(vehicle.plate)))
        if vehicle.vin:
            keys.append(("vin", vin_number(vehicle.vin)))
        if not vehicle.plate and not vehicle.vin:
            return read_sighting(raw).keys()
    if (vehicle if seen.kind == "vehicle_inspection" else person) is None:
        return read_sighting(raw).keys()
    for key in keys:
        if not key[1]:
            return read_sighting(raw).keys()
    return keys


class Judge:
    """Decides, by the contract's rules, which of the orders that share a key with a sighting are hit."""

    def __init__(self, orders: Path) -> None:
        with orders.open("rb") as file:
            self._orders = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._policy = Policy.national()

    def hits(self, raw: bytes, places: Sequence[str]) -> list[bytes]:
        """The records of the hits topic; ``places`` are the offsets that each key was found with.

        Raises:
            UnreadableError: the sighting cannot be read.
        """
        sighting = read_sighting(raw)
        offsets = dict.fromkeys(int(place) for found in places for place in found.split(","))
        orders = [order for offset in offsets if isinstance(order := self._order(offset), Order)]
        found = resolve(sighting, orders, self._policy, dt.datetime.now(dt.UTC))
        return [_encode(HitRecord(hit.order_id, sighting.station.code, sighting.id)) for hit in found]

    def _order(self, offset: int) -> object:
        return read_order(self._orders[offset : self._orders.find(b"\n", offset)])


class Run:
    """What one run counts. ``begins`` is called before records are looked at; the first call starts the meter."""

    def __init__(self, task: Task) -> None:
        self.task, self.meter = task, Meter()
        self.judge = Judge(Path(task.orders))
        self.sightings = self.unreadable = 0

    def begins(self, records: int = 1) -> None:
        """So many records have come."""
        if not self.sightings:
            self.meter.start()
        self.sightings += records

    @property
    def is_over(self) -> bool:
        return self.sightings >= self.task.count

    def keys_of(self, raw: bytes) -> Sequence[tuple[str, str]]:
        """``keys_of``; an unreadable record is counted and has none."""
        try:
            return keys_of(raw)
        except UnreadableError:
            self.unreadable += 1
            return ()

    def answer(self) -> None:
        """Write the result; the meter was stopped before."""
        self.meter.answer(self.task, self.sightings, self.unreadable)


def against_dict(run: Run) -> Callable[[bytes], Sequence[bytes]]:
    """The whole job for one record, with the watchlist in Python's dictionaries: its hits, mostly none."""
    wanted, keys, judge = read_wanted(Path(run.task.keys)), run.keys_of, run.judge.hits

    def look(raw: bytes) -> Sequence[bytes]:
        found = [places for kind, value in keys(raw) if (places := wanted[kind].get(value))]
        return judge(raw, found) if found else ()

    return look


def name_of(namespace: str, key: tuple[str, str] | Key) -> str:
    """The name in Redis of a key's entry; its value is the offsets."""
    return f"{namespace}:{key[0]}:{key[1]}"
