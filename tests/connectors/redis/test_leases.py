"""Leases live as long as they are renewed; the first moment in force stays."""

from __future__ import annotations

import asyncio
import datetime as dt

import redis.asyncio

from connectors.redis.leases import KEPT_S, InForce, InForceMark, Leases, LeaseState

AT = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)


def state(**applied: int) -> LeaseState:
    return LeaseState(applied={int(name[1:]): offset for name, offset in applied.items()}, state="screening", at=AT)


async def test_a_lease_is_told_as_it_was_given(client: redis.asyncio.Redis, namespace: str) -> None:
    leases = Leases(client, namespace)
    assert await leases.live() == {}
    whole = LeaseState(applied={0: 5, 11: 2**40}, state="fenced", at=AT, screened={"sightings.hotel": {0: 7}})
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


async def test_marks_are_kept_for_thirty_days(client: redis.asyncio.Redis, namespace: str) -> None:
    await InForce(client, namespace).mark([InForceMark("A", 1, AT, 0.25)])
    assert KEPT_S - 60 < await client.ttl(f"{namespace}:inforce:A") <= KEPT_S
