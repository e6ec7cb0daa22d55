"""Whatever the order in which events end, they are acknowledged in the order in which they came, and all of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.acknowledging import SKEW_S, InOrder, Ours


@given(st.lists(st.integers(0, 2), max_size=30), st.randoms(use_true_random=False))
def test_acknowledged_in_order_and_never_past_one_under_way(partitions: list[int], dice: Any) -> None:
    acknowledged: list[tuple[int, int]] = []

    async def acknowledge(event: Any) -> None:
        acknowledged.append((event.message.partition, event.message.offset))

    async def play() -> None:
        in_order = InOrder(acknowledge)
        offsets: dict[int, int] = {}
        events = []
        for partition in partitions:
            offset = offsets[partition] = offsets.get(partition, -1) + 1
            event = SimpleNamespace(message=SimpleNamespace(topic="hits", partition=partition, offset=offset))
            in_order.came(event)
            events.append(event)
        dice.shuffle(events)
        ended: set[tuple[int, int]] = set()
        for event in events:
            ended.add((event.message.partition, event.message.offset))
            await in_order.done(event)
            for partition, offset in acknowledged:
                assert all((partition, before) in ended for before in range(offset + 1))

    asyncio.run(play())
    for partition in set(partitions):
        of_partition = [offset for where, offset in acknowledged if where == partition]
        assert of_partition == list(range(partitions.count(partition)))


def test_a_record_is_first_ours_only_when_it_is_younger_than_our_hold_on_its_partition() -> None:
    now_s = [1000.0]
    ours = Ours(wall_s=lambda: now_s[0])

    def is_first(partition: int, at_s: float) -> bool:
        return ours.is_first("hits", partition, at_s)

    assert not is_first(0, 2000.0)  # never assigned
    ours.assigned([("hits", 0)])
    assert not is_first(0, 999.0)  # another may have begun with it
    assert not is_first(0, 1000.0 + SKEW_S / 2)  # clocks may differ
    assert is_first(0, 1000.0 + 2 * SKEW_S)
    now_s[0] = 3000.0
    ours.assigned([("hits", 1)])  # it was taken away, and what was ours is not
    assert not is_first(0, 4000.0)
    assert not is_first(1, 2999.0)
