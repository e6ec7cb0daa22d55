"""Leases live as long as they are renewed; the first moment in force stays."""

from __future__ import annotations

import asyncio
import datetime as dt

import redis.asyncio

from connectors.redis.leases import InForce, InForceMark, Leases, LeaseState, Legs
from connectors.redis.scripts import MARKS_A_BUCKET, PERIOD_S

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)


def state(**applied: int) -> LeaseState:
    return LeaseState(applied={int(name[1:]): offset for name, offset in applied.items()}, state="screening", at=AT)


async def marks_names(client: redis.asyncio.Redis, namespace: str) -> list[str]:
    return sorted(name.decode() for name in await client.keys(f"{namespace}:effect:*"))


async def grow_older(client: redis.asyncio.Redis, namespace: str) -> None:
    """A period goes by: what was this one's is the one's before."""
    for name in await marks_names(client, namespace):
        head, period, *bucket = name.removeprefix(f"{namespace}:").split(":")
        await client.rename(name, ":".join((namespace, head, str(int(period) - 1), *bucket)))


async def test_a_lease_is_told_as_it_was_given(client: redis.asyncio.Redis, namespace: str) -> None:
    leases = Leases(client, namespace)
    assert await leases.live() == {}
    whole = LeaseState(
        applied={0: 5, 11: 2**40}, state="fenced", at=AT, moved_at=AT - dt.timedelta(1), screened={"sightings.hotel": {0: 7}}
    )
    await leases.renew("工人-1", whole)
    await leases.renew("b", state(p0=1))
    assert await leases.live() == {"工人-1": whole, "b": state(p0=1)}


async def test_a_lease_ends_when_it_is_not_renewed(client: redis.asyncio.Redis, namespace: str) -> None:
    leases, longer = Leases(client, namespace, ttl_s=0.15), Leases(client, namespace)
    await leases.renew("a", state(p0=1))
    await longer.renew("b", state(p0=2))
    await asyncio.sleep(0.2)
    assert await leases.live() == {"b": state(p0=2)}
    assert await client.hlen(f"{namespace}:leases") == 1


async def test_a_renewed_lease_goes_on_and_a_dropped_one_ends(client: redis.asyncio.Redis, namespace: str) -> None:
    leases = Leases(client, namespace, ttl_s=0.3)
    for offset in range(4):
        await leases.renew("a", state(p0=offset))
        await asyncio.sleep(0.1)
    assert await leases.live() == {"a": state(p0=3)}
    await leases.drop("a")
    await leases.drop("nobody")
    assert await leases.live() == {}


async def test_the_first_mark_of_a_version_stays(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    first, second = InForceMark("A", 1, AT, 0.25), InForceMark("A", 2, AT, 0.5)
    await in_force.mark([first, second, InForceMark("A", 1, AT + dt.timedelta(1), 9.0)])
    await in_force.mark([InForceMark("A", 2, AT + dt.timedelta(1), 9.0)])
    await in_force.mark([])
    assert await in_force.of(["A", "B", "A"]) == {"A": {1: first, 2: second}, "B": {}}
    assert await in_force.of([]) == {}


async def test_marks_are_kept_for_a_period_and_the_next(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    first, second = InForceMark("A", 1, AT, 0.25), InForceMark("A", 2, AT, 0.5)
    await in_force.mark([first])
    for name in await marks_names(client, namespace):
        assert 2 * PERIOD_S - 60 < await client.ttl(name) <= 2 * PERIOD_S
    await grow_older(client, namespace)
    await in_force.mark([InForceMark("A", 1, AT + dt.timedelta(1), 9.0), second])
    assert await in_force.of(["A"]) == {"A": {1: first, 2: second}}
    await grow_older(client, namespace)
    assert await in_force.of(["A"]) == {"A": {2: second}}


async def test_marks_of_many_orders_share_few_names(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    marks = [InForceMark(f"A{n}", 1 + n % 3, AT + dt.timedelta(milliseconds=n), (n - 1000) / 1000) for n in range(5000)]
    for at in range(0, 5000, 700):
        await in_force.mark(marks[at : at + 700])
        await in_force.mark(marks[at : at + 7])
    assert await in_force.of([mark.order_id for mark in marks]) == {mark.order_id: {mark.version: mark} for mark in marks}
    names = await marks_names(client, namespace)
    assert len(names) < 5000 // MARKS_A_BUCKET + 3
    assert await client.hget(names[0], "entries") == b"5000"
    for name in names[1:]:
        assert await client.object("encoding", name) == b"listpack"
        assert await client.ttl(name) > 0


async def test_a_version_may_be_any_whole_number(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    marks = {version: InForceMark("A", version, AT, -1.0) for version in (1, 255, 256, 2**64, 10**40)}
    await in_force.mark(list(marks.values()))
    assert await in_force.of(["A"]) == {"A": marks}


async def test_legs_are_kept_and_the_slowest_worker_is_named_once(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    workers = ["工人-1", "b", "c" * 200]
    marks = [InForceMark(f"A{n}", 2, AT, n / 1000, Legs(-n / 1000, n / 500, workers[n % 3])) for n in range(200)]
    placed = InForceMark("A1", 1, AT, 0.5)
    await in_force.mark([*marks[:100], placed])
    await InForce(client, namespace).mark(marks[50:])
    held = await in_force.of([mark.order_id for mark in marks])
    assert {2: held["A1"].pop(2)} == {2: marks[1]}
    assert held.pop("A1") == {1: placed}
    assert held == {mark.order_id: {2: mark} for mark in marks if mark.order_id != "A1"}
    assert await client.hlen(f"{namespace}:workers") == 3
    assert marks[7].arrived_at == AT - dt.timedelta(milliseconds=7)


async def test_the_last_withdrawal_stays_whatever_comes_first(client: redis.asyncio.Redis, namespace: str) -> None:
    in_force = InForce(client, namespace)
    first, last = AT + dt.timedelta(seconds=1), AT + dt.timedelta(seconds=2)
    await in_force.withdrawn("A", 2, first)
    assert await in_force.of(["A"]) == {"A": {}}
    release = InForceMark("A", 2, AT, 0.5, Legs(0.1, 0.2, "a"))
    await in_force.mark([InForceMark("A", 1, AT, 0.5), release])
    await in_force.withdrawn("A", 2, last)
    await in_force.withdrawn("A", 2, first)
    withdrawn = {"A": {1: InForceMark("A", 1, AT, 0.5), 2: release._replace(withdrawn_at=last)}}
    assert await in_force.of(["A"]) == withdrawn
    await grow_older(client, namespace)
    await in_force.withdrawn("A", 2, first)
    assert await in_force.of(["A"]) == withdrawn
    await in_force.withdrawn("A", 2, last + dt.timedelta(seconds=1))
    assert (await in_force.of(["A"]))["A"][2].withdrawn_at == last + dt.timedelta(seconds=1)
