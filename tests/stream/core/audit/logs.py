"""Audit logs for tests: several writers side by side in two partitions, as Kafka would hold them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.core.audit.chain import Chain, Intervals, digest_of
from stream.core.audit.fault import Stored
from stream.core.audit.record import Begun, Entry, Head, What, Who
from stream.core.audit.signing import Keys, Signer

AT = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
KEYS = Keys([SIGNER.public_key()])
INTERVALS = Intervals(8, 30.0)


def entry(number: int = 0, **fields: object) -> Entry:
    return Entry.model_validate(
        {
            "who": Who(kind="court", id="440106", role="inbox", credential="440106.token"),
            "operation": "confirm",
            "object": What(kind="hit", id=f"hit-{number}"),
            "outcome": "done",
            "status": 202,
            "address": "192.0.2.7",
            "user_agent": "court/1.0",
            "request_id": f"r-{number}",
            **fields,
        }
    )


def begun(*seen: Head) -> Begun:
    return Begun(service="api", host="door-1", process=7, checkpoint_records=INTERVALS.records, seen=seen)


def grow(chain: Chain, count: int, *seen: Head) -> list[bytes]:
    """The chain's next records, with the checkpoints that are due."""
    made = [] if chain.size else [chain.begin(begun(*seen), AT)]
    while len(made) < count:
        at = AT + dt.timedelta(seconds=chain.size)
        due = chain.due_at()
        made.append(chain.checkpoint(at) if due is not None and due <= at else chain.append(entry(chain.size), at))
    return made


def clean_log(seed: int, writers: int = 4) -> list[Stored]:
    """Chains of random lengths, of which each has seen the one before; the first two are written side by side."""
    chosen = random.Random(seed)
    lanes: list[list[tuple[str, bytes]]] = [[], []]
    seen: list[Head] = []
    for number in range(writers):
        writer = f"writer-{seed}-{number}"
        chain = Chain(writer, SIGNER, INTERVALS)
        made = [(writer, raw) for raw in grow(chain, chosen.randint(12, 40), *seen)]
        lane = lanes[number % 2]
        if number == 2:
            lane[:] = _interleaved(chosen, lane, made)
        else:
            lane.extend(made)
        seen = [Head(writer=writer, sequence=chain.size - 1, sha256=digest_of(made[-1][1]))]
    return [
        Stored(partition, offset, writer.encode(), raw)
        for partition, lane in enumerate(lanes)
        for offset, (writer, raw) in enumerate(lane)
    ]


def _interleaved(
    chosen: random.Random, one: Sequence[tuple[str, bytes]], other: Sequence[tuple[str, bytes]]
) -> list[tuple[str, bytes]]:
    left = [list(one), list(other)]
    made = []
    while any(left):
        made.append(chosen.choice([items for items in left if items]).pop(0))
    return made
