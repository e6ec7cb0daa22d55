"""A tampered log is found out, each time and by the record; a clean one never is."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.audit.canonical import canonical
from stream.core.audit.chain import Chain, Intervals, digest_of
from stream.core.audit.fault import Fault, Stored
from stream.core.audit.record import AuditRecord, Head, read_record
from stream.core.audit.verification import Verified, verify
from tests.stream.core.audit.logs import AT, INTERVALS, KEYS, SIGNER, STRANGER, begun, clean_log, entry, grow

Log = list[Stored]
CLEAN = {seed: clean_log(seed) for seed in range(20)}


def verified(log: Log, known: tuple[Head, ...] = (), *, partial: bool = False) -> Verified:
    return verify(lambda: log, KEYS, known, partial=partial)


HEADS = {seed: verified(log).heads for seed, log in CLEAN.items()}


class Tampered(NamedTuple):
    """A log that somebody changed: which faults of which records may be named for it."""

    log: Log
    names: set[tuple[Fault, str, int]]


def record_of(stored: Stored) -> AuditRecord:
    return read_record(stored.value)


def named(stored: Stored, *faults: Fault) -> set[tuple[Fault, str, int]]:
    fields = json.loads(stored.value)
    return {(fault, fields["writer"], fields["sequence"]) for fault in faults}


def resigned(stored: Stored, change: Callable[[dict[str, Any]], object]) -> Stored:
    """A record changed by somebody who has a key, but not the log's."""
    fields = {name: value for name, value in json.loads(stored.value).items() if name not in ("key", "signature")}
    change(fields)
    return stored._replace(value=STRANGER.signed(fields))


def remove(log: Log, at: int, chosen: random.Random) -> Tampered:
    return Tampered(log[:at] + log[at + 1 :], named(log[at], Fault.REMOVED, Fault.TRUNCATED))


def change(log: Log, at: int, chosen: random.Random) -> Tampered:
    raw = bytearray(log[at].value)
    how = chosen.randrange(4)
    if how == 0:
        raw[chosen.randrange(len(raw))] ^= 1 << chosen.randrange(8)
    elif how == 1:
        raw = bytearray(raw + b" ")
    elif how == 2:
        raw = bytearray(resigned(log[at], lambda fields: fields.update(at="2026-11-24T15:00:00.5+00:00")).value)
    else:
        raw = bytearray(canonical({**json.loads(raw), "later": "added"}))
    names = named(log[at], Fault.CHANGED, Fault.CHECKPOINT_BROKEN)
    return Tampered([*log[:at], log[at]._replace(value=bytes(raw)), *log[at + 1 :]], names)


def insert(log: Log, at: int, chosen: random.Random) -> Tampered:
    if chosen.random() < 0.5:
        source = log[chosen.randrange(at + 1)]
        log = [*log[: at + 1], source._replace(partition=log[at].partition), *log[at + 1 :]]
        return Tampered(log, named(source, Fault.INSERTED, Fault.REORDERED))
    forged = resigned(log[at], lambda fields: fields.update(previous=digest_of(log[at].value), sequence=fields["sequence"] + 1))
    return Tampered([*log[: at + 1], forged, *log[at + 1 :]], named(forged, Fault.INSERTED, Fault.FORKED, Fault.CHANGED))


def reorder(log: Log, at: int, chosen: random.Random) -> Tampered:
    same = [
        other
        for other, stored in enumerate(log)
        if other != at and (stored.key, stored.partition) == (log[at].key, log[at].partition)
    ]
    other = chosen.choice(same)
    swapped = list(log)
    swapped[at], swapped[other] = log[other], log[at]
    return Tampered(swapped, named(log[at], Fault.REORDERED) | named(log[other], Fault.REORDERED))


def truncate(log: Log, at: int, chosen: random.Random) -> Tampered:
    lane = [stored for stored in log if stored.partition == log[at].partition]
    cut = lane[lane.index(log[at]) :]
    names = {name for stored in cut for name in named(stored, Fault.TRUNCATED, Fault.REMOVED)}
    return Tampered([stored for stored in log if stored not in cut], names)


def fork(log: Log, at: int, chosen: random.Random) -> Tampered:
    signer = chosen.choice((SIGNER, STRANGER))
    fields = {name: value for name, value in json.loads(log[at].value).items() if name not in ("key", "signature")}
    forged = log[at]._replace(value=signer.signed({**fields, "at": "2026-11-24T15:00:00.5+00:00"}))
    return Tampered([*log[: at + 1], forged, *log[at + 1 :]], named(log[at], Fault.FORKED, Fault.REORDERED))


def swap_checkpoint(log: Log, at: int, chosen: random.Random) -> Tampered:
    places = [place for place, stored in enumerate(log) if record_of(stored).kind == "checkpoint"]
    place, other = chosen.sample(places, 2)
    theirs = json.loads(log[other].value)
    if chosen.random() < 0.5:
        forged = resigned(log[place], lambda fields: fields.update(checkpoint=theirs["checkpoint"]))
    else:
        forged = log[place]._replace(value=log[other].value)
    faults = (Fault.CHANGED, Fault.CHECKPOINT_BROKEN, Fault.REMOVED, Fault.TRUNCATED)
    return Tampered([*log[:place], forged, *log[place + 1 :]], named(log[place], *faults))


TAMPERINGS = (remove, change, insert, reorder, truncate, fork, swap_checkpoint)


@pytest.mark.parametrize("seed", range(1000))
def test_each_of_a_thousand_tamperings_is_found_and_named(seed: int) -> None:
    chosen = random.Random(seed)
    log = CLEAN[seed % len(CLEAN)]
    tampered = TAMPERINGS[seed % len(TAMPERINGS)](log, chosen.randrange(len(log)), chosen)
    found = verified(tampered.log, HEADS[seed % len(CLEAN)]).faults
    names = {
        (one.fault, one.writer, number)
        for one in found
        if one.first is not None and one.last is not None
        for number in range(one.first, one.last + 1)
    }
    assert names & tampered.names, (tampered.names, found)
    assert len(found) <= 4, found


@pytest.mark.parametrize("seed", CLEAN)
def test_a_clean_log_has_no_fault_whole_or_in_part_or_with_the_heads_that_were_kept(seed: int) -> None:
    log = CLEAN[seed]
    result = verified(log, HEADS[seed])
    assert (result.faults, result.records) == ((), len(log))
    assert {head.writer for head in result.heads} == {record_of(stored).writer for stored in log}
    start = len(log) // 3
    assert verified(log[start:], HEADS[seed], partial=True).faults == ()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_chains_of_any_length_and_interval_are_clean(lengths: list[int], interval: int) -> None:
    log = []
    for number, length in enumerate(lengths):
        chain = Chain(f"w{number}", SIGNER, Intervals(interval, 1e6))
        first = chain.begin(begun().model_copy(update={"checkpoint_records": interval}), AT)
        made = [first]
        while len(made) < length:
            due = chain.due_at()
            made.append(chain.checkpoint(AT) if due is not None and due <= AT else chain.append(entry(), AT))
        log += [Stored(0, len(log) + offset, chain.writer.encode(), raw) for offset, raw in enumerate(made)]
    assert verified(log).faults == ()


def test_a_checkpoint_falls_due_by_records_and_by_time() -> None:
    chain = Chain("w", SIGNER, Intervals(3, 10.0))
    chain.begin(begun(), AT)
    assert chain.due_at() == AT + dt.timedelta(seconds=10)
    chain.append(entry(), AT)
    chain.append(entry(), AT + dt.timedelta(seconds=1))
    assert chain.due_at() == AT
    chain.checkpoint(AT + dt.timedelta(seconds=1))
    assert chain.due_at() is None


def test_whole_chains_and_ends_that_are_gone_are_known_from_what_others_saw() -> None:
    log = CLEAN[0]
    first = record_of(log[0]).writer
    found = verified([stored for stored in log if stored.key != first.encode()]).faults
    assert [(one.fault, one.writer, one.first) for one in found] == [(Fault.TRUNCATED, first, 0)]


def test_a_chain_that_nobody_with_the_key_began_is_named_with_its_key() -> None:
    chain = Chain("forged", STRANGER, INTERVALS)
    log = [Stored(0, offset, b"forged", raw) for offset, raw in enumerate(grow(chain, 12))]
    (found,) = verified(log).faults
    assert (found.fault, found.first, found.last, STRANGER.key in found.says) == (Fault.KEY_UNKNOWN, 0, 11, True)


def test_who_has_the_key_is_caught_by_a_root_that_is_wrong_and_by_a_checkpoint_that_is_missing() -> None:
    chain = Chain("w", SIGNER, INTERVALS)
    raws = grow(chain, 9)
    fields = {name: value for name, value in json.loads(raws[8]).items() if name not in ("key", "signature")}
    assert fields["kind"] == "checkpoint"
    fields["checkpoint"]["root"] = "0" * 64
    log = [Stored(0, offset, b"w", raw) for offset, raw in enumerate([*raws[:8], SIGNER.signed(fields)])]
    (broken,) = verified(log).faults
    assert (broken.fault, broken.first) == (Fault.CHECKPOINT_BROKEN, 8)
    never = Chain("w", SIGNER, Intervals(1000, 1000.0))
    lax = [never.begin(begun(), AT), *(never.append(entry(), AT) for _ in range(11))]
    (missing,) = verified([Stored(0, offset, b"w", raw) for offset, raw in enumerate(lax)]).faults
    assert (missing.fault, missing.first) == (Fault.CHECKPOINT_MISSING, 8)


def test_a_record_under_another_writers_key_and_rubbish_are_found() -> None:
    log = CLEAN[1]
    other = next(stored.key for stored in log if stored.key != log[3].key)
    moved = [*log[:3], log[3]._replace(key=other), *log[4:]]
    assert (Fault.CHANGED, record_of(log[3]).writer, record_of(log[3]).sequence) in {
        (one.fault, one.writer, one.first) for one in verified(moved).faults
    }
    for rubbish in (b"", b"{}", b"[]", b"\xff", b"{"):
        (found,) = verified([*log, Stored(0, 10_000, None, rubbish)]).faults
        assert (found.writer, found.offset) == ("", 10_000)
