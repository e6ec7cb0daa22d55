"""``chakong explain``: why a sighting hits or does not; now, or at a past instant."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import msgspec

from connectors.kafka.errors import KafkaError
from connectors.redis.errors import IndexUnavailableError
from deploy.local.errors import StackError
from matchers.sighting import Sighting, read_sighting
from matchers.wire import UnreadableError
from stream.core.explanation import Past, judgement_object, past_object
from stream.core.resolve import Judgement, Outcome, judge
from stream.explained import print_past, print_present
from stream.lines import opened
from stream.local import settings_here
from stream.services.replaying import Named, Replaying, SightingGoneError
from stream.services.rules import rules_now
from stream.wiring import open_index
from watchlists.index import Logged, Watchlist
from watchlists.order import Order, read_order
from watchlists.policy import Policy, PolicyError
from watchlists.rules import judged_at

GONE: Final = 1
WRONG: Final = 2
UNREADABLE: Final = 3
DIFFERS: Final = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that was considered."""

    sighting: Sighting
    judgements: Sequence[Judgement]
    ended: Sequence[str]


class _Instant(click.ParamType):
    """A moment in RFC 3339, with its offset."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail("not a time as in 2026-11-24T22:14:03+08:00", param, ctx)
        if moment.tzinfo is None:
            self.fail("it needs an offset, as in 2026-11-24T22:14:03+08:00", param, ctx)
        return moment


@click.command()
@click.argument("file", metavar="[SIGHTING.json]", required=False)
@click.option("--sighting", "named", nargs=2, metavar="STATION_CODE ID", help="Find the sighting on the log, while it is kept.")
@click.option("--at", "instant", type=_Instant(), metavar="INSTANT", help="Replay from the log how it stood at this instant.")
@click.option("--orders", metavar="ORDERS.ndjson", help="Judge against this file instead of the running index.")
@click.option("--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), help="A province's policy overlay.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def explain(
    file: str | None,
    named: tuple[str, str] | None,
    instant: dt.datetime | None,
    orders: str | None,
    overlays: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Say why a sighting hits or does not: every key, every order considered, every rule.

    With --at, why it did or did not at that instant, from the log: the orders, the filter and the policy as they were, and
    whether the hit on the log, if there is one, is what the replay gives. With --sighting and no --at: at this moment.

    Exit 1 where the log does not have the sighting, 3 where it cannot be read, 4 where log and replay differ.
    """
    if (file is None) == (named is None):
        raise click.UsageError("give the sighting as a file, or its station and id with --sighting: one of the two")
    if orders and (named or instant):
        raise click.UsageError("--orders is for judging against a file; a replay reads the log")
    show_json = as_json or not sys.stdout.isatty()
    try:
        seen = None if file is None else _read(file)
        policy = Policy.national().with_overlays(list(overlays))
        if seen is not None and instant is None:
            _tell_present(seen, orders, policy, as_json=show_json)
            return
        asked = seen if seen is not None else Named(*(named or ("", "")))
        past = asyncio.run(_replayed(asked, instant or dt.datetime.now(dt.UTC), policy))
    except UnreadableError as error:
        _give_up(f"the sighting cannot be read: {error.detail}", UNREADABLE)
    except SightingGoneError as error:
        _give_up(str(error), GONE)
    except (OSError, ValueError, PolicyError, StackError, IndexUnavailableError, KafkaError) as error:
        _give_up(str(error), WRONG)
    if show_json:
        _write(past_object(past))
    else:
        print_past(past)
    if not past.agrees:
        sys.exit(DIFFERS)


def as_object(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON has it."""
    seen = explanation.sighting
    return {
        "sighting": seen.id,
        "station": seen.station.code,
        "keys": [{"kind": key.kind, "value": key.value} for key in seen.keys()],
        "warnings": list(seen.warnings),
        "orders": [judgement_object(judgement, seen) for judgement in explanation.judgements],
        "ended_orders": list(explanation.ended),
        "hits": sum(judgement.outcome is Outcome.HIT for judgement in explanation.judgements),
    }


def _read(path: str) -> Sighting:
    with opened(path) as file:
        return read_sighting(file.read().strip())


def _tell_present(seen: Sighting, orders: str | None, policy: Policy, *, as_json: bool) -> None:
    ended: list[str] = []
    if orders:
        candidates, ended = _from_file(orders, seen)
    else:
        candidates, policy = asyncio.run(_as_it_runs(seen, policy))
    judgements = [judge(order, seen, policy) for order in candidates]
    if as_json:
        _write(as_object(Explanation(seen, judgements, ended)))
    else:
        print_present(judgements, ended, seen)


async def _replayed(asked: Sighting | Named, instant: dt.datetime, policy: Policy) -> Past:
    settings = settings_here()
    history = await rules_now(settings.kafka, policy.with_overlays(list(settings.overlays)))
    return await Replaying(settings.kafka, settings.redis, history).past(asked, instant)


def _write(told: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")


def _give_up(why: str, status: int) -> NoReturn:
    click.echo(f"chakong explain: {why}", err=True)
    sys.exit(status)


def _from_file(path: str, seen: Sighting) -> tuple[list[Order], list[str]]:
    watchlist = Watchlist()
    touched: dict[str, None] = {}
    keys = set(seen.keys())
    with opened(path) as file:
        for line in file:
            if not line.strip():
                continue
            try:
                record = read_order(line.strip())
            except UnreadableError:
                continue
            watchlist.apply(Logged(record, line.strip()))
            if isinstance(record, Order) and not keys.isdisjoint(record.keys()):
                touched[record.id] = None
    candidates = watchlist.candidates(seen.keys())
    in_place = {order.id for order in candidates}
    return candidates, [order_id for order_id in touched if order_id not in in_place]


async def _as_it_runs(seen: Sighting, policy: Policy) -> tuple[list[Order], Policy]:
    """What the running index holds, and the policy under the provinces' rules of the sighting's time."""
    settings = settings_here()
    async with open_index(settings) as index:
        orders = (await index.lookup(seen.keys())).orders
    history = await rules_now(settings.kafka, policy)
    return orders, history.at(judged_at(seen.occurred_at, dt.datetime.now(dt.UTC)))
