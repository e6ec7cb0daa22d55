"""Every expected pair, and the absence of every other, is justified from the bytes by a second, plain reading."""

import json

import pytest

from synthetic.places import TOPICS
from synthetic.truth import hit_id
from synthetic.world import World
from tests.synthetic.plain import PlainOrder, judged, plain_order

DEFECTS = {
    "broken_json",
    "not_an_object",
    "invalid_utf8",
    "missing_id",
    "missing_kind",
    "missing_occurred_at",
    "missing_station_code",
    "missing_subject",
    "missing_identifier",
    "unknown_kind",
    "wrong_type_id",
    "wrong_type_station",
    "wrong_type_identifier",
    "null_occurred_at",
    "not_a_time",
    "no_offset",
}


@pytest.mark.parametrize(("seed", "orders", "order_dirtiness"), [(1, 160, 0.0), (2, 200, 0.5), (-3, 64, 1.0)])
def test_the_oracle_agrees_with_a_plain_reading_of_the_bytes(seed: int, orders: int, order_dirtiness: float) -> None:
    world = World(seed, orders=orders, order_dirtiness=order_dirtiness)
    read = [plain_order(record.value) for record in world.orders()]
    certainties = set()
    for sighting in world.sightings(2000, hit_ratio=0.3, near_miss_ratio=0.3, dirtiness=0.4):
        if sighting.defect is None:
            expected = {pair.order_id: (pair.certainty, pair.instruction) for pair in sighting.expected}
            assert expected == by_plain_reading(read, sighting.value), sighting.value.decode()
            certainties |= {(pair.measure, pair.certainty, pair.instruction) for pair in sighting.expected}
    assert {certainty for _, certainty, _ in certainties} == {"confirmed", "verify"}
    assert {told for _, _, told in certainties} >= {"call_court", "refuse_registration", "deny_exit", "none"}


def by_plain_reading(orders: list[PlainOrder], value: bytes) -> dict[str, tuple[str, str]]:
    sighting = json.loads(value)
    verdicts = ((order.fields["id"], judged(order, sighting)) for order in orders)
    return {order_id: verdict for order_id, verdict in verdicts if verdict}


def test_expected_pairs_name_the_record_they_are_about() -> None:
    world = World(5, orders=100)
    for sighting in world.sightings(500, hit_ratio=0.5):
        for pair in sighting.expected:
            fields = json.loads(sighting.value)
            assert (pair.station, pair.sighting_id) == (fields["station"]["code"], fields["id"])
            assert sighting.key.decode() == pair.station
            assert sighting.topic in TOPICS
            assert json.loads(pair.line())["hit_id"] == pair.hit_id


def test_the_hit_id_is_the_contract_s() -> None:
    # RFC 9562 by hand: SHA-1 over the namespace and ["ZX-1","440106-H-0012","核/1"], version and variant bits set
    assert hit_id("ZX-1", "440106-H-0012", "核/1") == "db80218a-f199-5b11-94b5-bd0e8e5fa66d"


def test_every_defect_is_made_and_is_one() -> None:
    world = World(6, orders=10)
    made = [s for s in world.sightings(40_000, hit_ratio=0, dirtiness=1) if s.defect]
    assert {s.defect for s in made} == DEFECTS
    assert all(not s.expected for s in made)
    assert not any(b"\n" in s.value for s in made)
