"""In force everywhere: how far in ``orders`` the index and every live worker's filter are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def in_force_everywhere(leases: Sequence[Mapping[int, int]], index: Mapping[int, int]) -> dict[int, int]:
    """The position that everybody has reached, a partition: an order below it is in force everywhere.

    Nobody screens without a lease, so with no lease at all nothing is in force.
    """
    if not leases:
        return {}
    return {partition: min(at, *(lease.get(partition, 0) for lease in leases)) for partition, at in index.items()}
