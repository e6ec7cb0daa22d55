"""Following the orders: every worker reads all of ``orders`` into its own filter, and knows how far it is.

A superset is enough here, since the index decides exactly: the keys of every readable order go in, whoever sent it, and a
release only takes keys away when the generation is rebuilt. Orders are read by one thread, which alone places.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final, Literal, cast

import msgspec
import numpy as np
import structlog

from connectors.disk import snapshots
from connectors.kafka.clients import Fetched, at, consumer, end_offsets, fetch, partitions_of
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import ORDERS
from matchers.columns import hash_column
from matchers.documents import DOCUMENT_TYPES
from matchers.keys import KeyHasher, KeyHashes, KeyKind
from matchers.wire import UnreadableError
from stream import metrics
from stream.settings import WorkerSettings
from watchlists.generation import Generation
from watchlists.glance import Glance, glance
from watchlists.order import Order, Release
from watchlists.snapshot import Snapshot

POLL_S: Final = 0.05
BATCH: Final = 5000
SNAPSHOT_EVERY_S: Final = 60.0
MEASURE_EVERY_S: Final = 10.0
_log = structlog.get_logger("follower")


class _Identifier(msgspec.Struct, gc=False):
    type: str = "other"
    number: str = ""


class _Named(msgspec.Struct, gc=False):
    documents: list[_Identifier] = []
    plate: str | None = None
    vin: str | None = None


class _Court(msgspec.Struct, gc=False):
    code: str


class _OrderKeys(msgspec.Struct, gc=False):
    """The few fields of an order that the filter needs."""

    id: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    action: Literal["place", "amend", "release"]
    court: _Court
    person: _Named | None = None
    vehicle: _Named | None = None


_decoder: Final = msgspec.json.Decoder(_OrderKeys)


def hash_text(text: str) -> int:
    """A 64-bit hash of an order's id or a court's code, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class OrderFollower:
    """Keeps one worker's generation up with ``orders``.

    ``positions`` says what the filter holds: whoever reads it before probing knows what was in the filter.
    """

    def __init__(self, settings: WorkerSettings, hasher: KeyHasher) -> None:
        self._settings, self._hasher = settings, hasher
        self._kafka: KafkaSettings = settings.kafka
        self._seed = int.from_bytes(hashlib.blake2b(settings.secret(), digest_size=8, person=b"filter").digest(), "little")
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)
        self._stopping = threading.Event()
        self._builder = ThreadPoolExecutor(1, "rebuild")
        self._rebuilding: Future[Generation] | None = None
        self._saved_at = time.monotonic()
        self._measured_at = 0.0
        self._saved: dict[int, int] = {}
        self._caught_up_at = 0.0
        self._ends: dict[int, int] = {}
        self.positions: dict[int, int] = {}
        self.generation = self._restored()
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._builder.shutdown(wait=True, cancel_futures=True)

    def behind_s(self) -> float:
        """Seconds since this worker was last seen to hold every order there was; infinite until it first was."""
        return time.monotonic() - self._caught_up_at if self._caught_up_at else float("inf")

    def caught_up_since(self, moment: float) -> bool:
        """Whether this worker was seen to hold every order there was, at some time after a monotonic moment."""
        return self._caught_up_at > moment

    def contains(self, keys: KeyHashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether the filter takes each key for a maybe."""
        return self.generation.contains(keys)

    def _restored(self) -> Generation:
        path = self._snapshot_path()
        snapshot = snapshots.load(path, seed=self._seed, key_fingerprint=self._hasher.fingerprint) if path is not None else None
        if snapshot is not None:
            self.positions = dict(snapshot.positions)
            self._saved = dict(snapshot.positions)
            return snapshot.generation
        return Generation.empty(self._settings.expected_keys, self._settings.false_positives, self._seed)

    def _snapshot_path(self) -> Path | None:
        folder = self._settings.snapshots
        return folder / f"{self._kafka.topic_prefix}generation.snapshot" if folder is not None else None

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:
            self.failure = error
            _log.error("order follower stopped", error=type(error).__name__)

    def _follow(self) -> None:
        client = consumer(self._kafka, "filter", **{"enable.partition.eof": False})
        topic = self._kafka.topic(ORDERS)
        partitions = partitions_of(client, self._kafka, ORDERS)
        self._ends = end_offsets(client, topic, partitions)
        positions = {partition: self.positions.get(partition, 0) for partition in partitions}
        if any(positions[partition] > self._ends[partition] for partition in partitions):
            # The snapshot is of another log: a wiped Kafka. Begin again rather than wait for offsets that are not there.
            positions = dict.fromkeys(partitions, 0)
            self.generation = Generation.empty(self._settings.expected_keys, self._settings.false_positives, self._seed)
        self.positions = positions
        client.assign([at(topic, partition, offset) for partition, offset in positions.items()])
        asked_at = time.monotonic()
        try:
            while not self._stopping.is_set():
                messages = fetch(client, BATCH, POLL_S)
                if messages:
                    self._apply(messages)
                now = time.monotonic()
                if now - asked_at > 1.0 or not self._caught_up_at:
                    ends = end_offsets(client, topic, partitions)
                    asked_at = now
                    self._ends = ends
                if all(self.positions[p] >= self._ends[p] for p in partitions):
                    # The ends were asked at `asked_at`: that is when we are known to have held everything.
                    self._caught_up_at = max(self._caught_up_at, asked_at)
                self._keep_house()
        finally:
            client.close()

    def _apply(self, messages: Iterable[Fetched]) -> None:
        placed: dict[KeyKind, tuple[list[str], list[int]]] = {}
        orders: list[tuple[int, int, int]] = []
        released: list[tuple[int, int, int]] = []
        positions = dict(self.positions)
        for message in messages:
            positions[message.partition()] = message.offset() + 1
            order = _read(message.value() or b"")
            if order is None:
                continue
            row = (hash_text(order.id), hash_text(order.court.code), min(order.version, 0xFFFFFFFF))
            if order.action == "release":
                released.append(row)
                continue
            for kind, value in _identifiers(order):
                identifiers, numbers = placed.setdefault(kind, ([], []))
                identifiers.append(value)
                numbers.append(len(orders))
            orders.append(row)
        self._place(orders, placed)
        if released:
            self.generation.release(*np.array(released, np.uint64).T)
        self.positions = positions
        metrics.orders_followed.set(sum(positions.values()))

    def _place(self, orders: list[tuple[int, int, int]], values: dict[KeyKind, tuple[list[str], list[int]]]) -> None:
        table = np.array(orders, np.uint64).reshape(-1, 3)
        for kind, (identifiers, numbers) in values.items():
            hashed = hash_column(kind, identifiers, self._hasher)
            rows = table[np.array(numbers, np.int64)[hashed.positions]]
            self.generation.place(rows[:, 0], rows[:, 1], rows[:, 2], hashed.hashes)

    def _keep_house(self) -> None:
        """Rebuild the generation when it pays, save a snapshot now and then, tell the metrics."""
        if self._rebuilding is not None and self._rebuilding.done():
            new = self._rebuilding.result()
            new.catch_up(self.generation)
            self.generation, self._rebuilding = new, None
            metrics.generations.inc()
        elif self._rebuilding is None and self.generation.should_rebuild:
            self._rebuilding = self._builder.submit(self.generation.rebuilt)
        if time.monotonic() - self._measured_at > MEASURE_EVERY_S:  # counting the bits of a large filter takes a while
            self._measured_at = time.monotonic()
            metrics.filter_fill.set(self.generation.filter.fill)
            metrics.filter_false_positive_rate.set(self.generation.filter.false_positive_rate)
        path = self._snapshot_path()
        due = time.monotonic() - self._saved_at > SNAPSHOT_EVERY_S or (self._caught_up_at and not self._saved)
        if path is not None and due and self.positions != self._saved and self._caught_up_at:
            path.parent.mkdir(parents=True, exist_ok=True)
            snapshots.save(Snapshot.of(self.generation, self.positions, self._hasher.fingerprint), path)
            self._saved, self._saved_at = dict(self.positions), time.monotonic()


def _read(raw: bytes) -> _OrderKeys | Glance | Order | Release | None:
    """The record, by the quickest reader that can read it; None where none can, and the index writer buries it."""
    try:
        return _decoder.decode(raw)
    except (ValueError, RecursionError):
        pass
    try:
        return glance(raw)
    except UnreadableError:
        return None


def _identifiers(order: _OrderKeys | Glance | Order | Release) -> Iterable[tuple[KeyKind, str]]:
    """Every identifier that an order names, by kind, as written or canonical."""
    if isinstance(order, Release):
        return
    if not isinstance(order, _OrderKeys):
        yield from order.keys()
        return
    for named in (order.person, order.vehicle):
        if named is None:
            continue
        for document in named.documents:
            yield (cast(KeyKind, document.type) if document.type in DOCUMENT_TYPES else "other"), document.number
        if named.plate:
            yield "plate", named.plate
        if named.vin:
            yield "vin", named.vin
