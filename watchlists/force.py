"""In force everywhere: how far in ``orders`` the index and every worker that may screen have come."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def in_force_everywhere(leases: Collection[Mapping[int, int]], index: Mapping[int, int]) -> dict[int, int]:
    """For each partition, the offset below which every order has taken effect in the index and for every live lease.

    A lease that does not name a partition has applied nothing of it. Without a live lease nobody screens, and nothing is in
    force anywhere.
    """
    if not leases:
        return {}
    return {partition: min(offset, *(applied.get(partition, 0) for applied in leases)) for partition, offset in index.items()}
