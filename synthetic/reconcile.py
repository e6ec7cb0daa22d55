"""Found against expected: the last word on a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

_JUDGED: Final = ("order_id", "measure", "certainty", "instruction")
_SHOWN_MAX: Final = 5


class Pair(Protocol):
    """What reconciling needs to know of an expected pair: `truth.Expected` has it."""

    @property
    def hit_id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def measure(self) -> str: ...
    @property
    def certainty(self) -> str: ...
    @property
    def instruction(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`missed`, `false`, `wrong`: hit ids; `wrong` were found with another certainty, instruction, measure or order.

    `repeated` counts hits whose id had come before: at least once is allowed to repeat.
    """

    expected: int
    found: int
    missed: tuple[str, ...]
    false: tuple[str, ...]
    wrong: tuple[str, ...]
    repeated: int

    @property
    def is_clean(self) -> bool:
        return not (self.missed or self.false or self.wrong)

    def __str__(self) -> str:
        counts = (
            f"expected {self.expected}, found {self.found}, missed {len(self.missed)}, false {len(self.false)}, "
            f"wrong {len(self.wrong)}, repeated {self.repeated}"
        )
        named = {"missed": self.missed, "false": self.false, "wrong": self.wrong}
        shown = (f"; {word}: {', '.join(ids[:_SHOWN_MAX])}" for word, ids in named.items() if ids)
        return counts + "".join(shown)


def reconcile(truth: Iterable[Pair | Mapping[str, Any]], hits: Iterable[Mapping[str, Any]]) -> Reconciliation:
    """Compare what had to hit with what did.

    `truth`: `Expected`s, or lines of a truth file as `read_truth` gives them. `hits`: hits as the contract writes them
    (`id`, `order_id`, `measure`, `certainty`, `instruction`). Of hits with one id the last one counts.
    """
    due = dict(map(_due, truth))
    found: dict[str, tuple[Any, ...]] = {}
    repeated = 0
    for hit in hits:
        repeated += hit["id"] in found
        found[hit["id"]] = tuple(hit[name] for name in _JUDGED)
    right = [hit_id for hit_id in due if hit_id in found]
    return Reconciliation(
        expected=len(due),
        found=len(right),
        missed=tuple(hit_id for hit_id in due if hit_id not in found),
        false=tuple(hit_id for hit_id in found if hit_id not in due),
        wrong=tuple(hit_id for hit_id in right if due[hit_id] != found[hit_id]),
        repeated=repeated,
    )


def read_truth(lines: Iterable[bytes | str]) -> Iterator[dict[str, Any]]:
    """The expected pairs of a truth file; its defects are left out (`read_defects`)."""
    return (fields for fields in map(json.loads, lines) if "hit_id" in fields)


def read_defects(lines: Iterable[bytes | str]) -> Iterator[dict[str, Any]]:
    """The unreadable records that a truth file lists: `defect`, `topic`, `line`."""
    return (fields for fields in map(json.loads, lines) if "defect" in fields)


def _due(pair: Pair | Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    if isinstance(pair, Mapping):
        return pair["hit_id"], tuple(pair[name] for name in _JUDGED)
    return pair.hit_id, (pair.order_id, pair.measure, pair.certainty, pair.instruction)
