"""How long keys count: rotation, a provider that is away, and names that somebody makes up."""

from __future__ import annotations

import asyncio

import pytest

from connectors.identity.keyring import Keyring
from connectors.identity.keyset import ALGORITHMS
from tests.clock import Clock
from tests.connectors.identity.issuing import EC, OKP, RSA, TIMES, Publishing, published


def keyring(source: Publishing, clock: Clock) -> Keyring:
    return Keyring(source, ALGORITHMS, TIMES, lambda: clock.at.timestamp())


async def test_S5_1_a_new_key_counts_as_soon_as_a_token_names_it() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = keyring(source, clock)
    assert await keys.key("rsa") is not None
    source.said = published(EC, RSA)
    clock.forward(TIMES.refetch_s)
    assert await keys.key("ec") is not None
    assert source.asked == 2


async def test_S5_1_made_up_names_ask_the_provider_no_more_than_every_refetch() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = keyring(source, clock)
    for number in range(200):
        assert await keys.key(f"made-up-{number}") is None
        clock.forward(0.5)
    assert source.asked == 10


async def test_S5_1_a_crowd_that_comes_at_once_asks_once() -> None:
    source = Publishing(published(RSA))
    keys = keyring(source, Clock())
    assert None not in await asyncio.gather(*(keys.key("rsa") for _ in range(50)))
    assert source.asked == 1


async def test_S5_1_a_key_that_left_the_set_counts_no_more_once_it_was_fetched_again() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = keyring(source, clock)
    assert await keys.key("rsa") is not None
    source.said = published(EC)
    await keys.refresh()
    assert await keys.key("rsa") is None


async def test_S5_1_keys_are_fetched_again_by_themselves() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = Keyring(source, ALGORITHMS, TIMES._replace(refresh_s=0.005), lambda: clock.at.timestamp())
    async with keys.kept():
        while source.asked == 0:
            await asyncio.sleep(0.005)
        source.said = published(OKP)
        while await keys.key("rsa") is not None:
            await asyncio.sleep(0.005)
        source.said = None
        before = source.asked
        while source.asked < before + 2:
            await asyncio.sleep(0.005)
        assert await keys.key("okp") is not None
    stopped = source.asked
    await asyncio.sleep(0.05)
    assert source.asked == stopped


async def test_S5_1_while_the_provider_is_away_known_keys_count_for_a_time_and_then_nobody_can_be_told() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = keyring(source, clock)
    assert await keys.key("rsa") is not None
    source.said = None
    clock.forward(TIMES.away_s_max)
    await keys.refresh()
    assert await keys.key("rsa") is not None
    with pytest.raises(TimeoutError):
        await keys.key("not-known")
    clock.forward(1)
    with pytest.raises(TimeoutError):
        await keys.key("rsa")
    source.said = published(RSA)
    clock.forward(TIMES.refetch_s)
    assert await keys.key("rsa") is not None


@pytest.mark.parametrize("said", [None, b"", b"[]", b"{"])
async def test_S5_1_a_door_that_never_had_keys_lets_nobody_in(said: bytes | None) -> None:
    with pytest.raises(TimeoutError):
        await keyring(Publishing(said), Clock()).key("rsa")


async def test_S5_1_what_is_no_set_does_not_take_the_place_of_one() -> None:
    source, clock = Publishing(published(RSA)), Clock()
    keys = keyring(source, clock)
    assert await keys.key("rsa") is not None
    source.said = b"<html>"
    await keys.refresh()
    assert await keys.key("rsa") is not None
