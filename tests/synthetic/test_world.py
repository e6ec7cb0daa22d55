import datetime as dt
import hashlib
import json
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic.clock import paced
from synthetic.orders import Order
from synthetic.streams import DEFAULT_MIX, wheel
from synthetic.world import World
from synthetic.writs import DOCUMENT_KINDS
from tests.synthetic import plain

seeds = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=8, deadline=None)
@given(seeds, st.integers(1, 500))
def test_the_same_seed_makes_the_same_bytes(seed: int, orders: int) -> None:
    one, other = World(seed, orders=orders), World(seed, orders=orders)
    list(other.sightings(3, hit_ratio=0, dirtiness=0.5))  # what was made before makes no difference
    assert list(one.orders()) == list(other.orders())
    wanted = {"hit_ratio": 0.2, "near_miss_ratio": 0.2, "dirtiness": 0.2, "mix": {"border_crossing": 1.0}}
    assert list(one.sightings(40, **wanted)) == list(other.sightings(40, **wanted))


def test_another_seed_or_stream_makes_others() -> None:
    world = World(1, orders=50)
    first, second = (list(world.sightings(50, hit_ratio=0.2, stream=stream)) for stream in (0, 1))
    assert not {s.value for s in first} & {s.value for s in second}
    ids = {(s.key, json.loads(s.value)["id"]) for s in (*first, *second)}
    assert len(ids) == 100
    assert not set(World(2, orders=50).orders()) & set(world.orders())


def test_bytes_are_the_same_on_every_machine() -> None:
    """A change here changes every published benchmark: make it on purpose."""
    world = World(7, orders=1000, order_dirtiness=0.1)
    digest = hashlib.sha256()
    for record in world.orders():
        digest.update(record.value)
    for sighting in world.sightings(2000, hit_ratio=0.05, dirtiness=0.1):
        digest.update(sighting.value)
    assert digest.hexdigest()[:16] == "993efbc766c847f2"


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.25])
def test_the_hit_ratio_is_respected(ratio: float) -> None:
    hits = sum(bool(s.expected) for s in World(3, orders=500).sightings(8000, hit_ratio=ratio, dirtiness=0.1))
    assert abs(hits - 8000 * ratio) <= 4 * (8000 * ratio) ** 0.5


def test_the_mix_is_respected() -> None:
    seen = [json.loads(s.value)["kind"] for s in World(3, orders=500).sightings(8000, hit_ratio=0.1)]
    for kind, share in DEFAULT_MIX.items():
        assert abs(seen.count(kind) / len(seen) - share) < 0.02
    assert set(wheel({"hotel_checkin": 1})) == {0}
    assert [wheel({"hotel_checkin": 1, "identity_check": 3}).count(i) for i in range(4)] == [64, 0, 0, 192]


def test_sightings_are_about_320_bytes_and_times_do_not_go_back() -> None:
    sightings = list(World(4, orders=10).sightings(5000, hit_ratio=0, rate=100))
    assert 300 < sum(len(s.value) for s in sightings) / 5000 < 360
    times = [dt.datetime.fromisoformat(json.loads(s.value)["occurred_at"]) for s in sightings]
    assert times == sorted(times)
    assert (times[-1] - times[0]).total_seconds() == 49


def test_nobody_of_the_crowd_has_a_wanted_identifier() -> None:
    world = World(5, orders=8_000)
    documents, plates, vins = set(), set(), set()
    for record in world.orders():
        fields = json.loads(record.value)
        documents |= {plain.document(d["type"], d["number"]) for d in fields.get("person", {}).get("documents", ())}
        vehicle = fields.get("vehicle", {})
        plates |= {plain.plate(vehicle["plate"])[0]} if "plate" in vehicle else set()
        vins |= {plain.vin(vehicle["vin"])} if "vin" in vehicle else set()
    for sighting in world.sightings(10_000, hit_ratio=0, dirtiness=0.2):
        if sighting.defect is None:
            fields = json.loads(sighting.value)
            if "person" in fields:
                document = fields["person"]["document"]
                assert plain.document(document["type"], document["number"]) not in documents
            if "vehicle" in fields:
                assert plain.plate(fields["vehicle"]["plate"])[0] not in plates
                assert plain.vin(fields["vehicle"]["vin"]) not in vins


def test_orders_are_whole_and_sealed() -> None:
    world = World(8, orders=2000)
    keys, measures, stacked = 0, set(), set()
    for number, record in enumerate(world.orders()):
        fields = json.loads(record.value)
        assert record.key.decode() == fields["id"]
        assert world.number_of(fields["id"]) == number
        assert [d["kind"] for d in fields["documents"]] == list(DOCUMENT_KINDS[fields["measure"]])
        for document in fields["documents"]:
            assert hashlib.sha256(world.document(fields["id"], document["kind"])).hexdigest() == document["sha256"]
        if fields["measure"] == "exit_restriction":
            assert fields["control"]["until"]
            assert fields["control"]["requirement"]
        person, vehicle = fields.get("person", {"documents": []}), fields.get("vehicle", {})
        keys += len(person["documents"]) + ("plate" in vehicle) + ("vin" in vehicle)
        measures.add((fields["measure"], fields["case"]["party_role"]))
        stacked.add((world.order(number).subject, fields["court"]["code"]))
    assert 1.4 < keys / 2000 < 1.8
    assert len(measures) == 6
    assert len(stacked) == 2000  # two orders on one subject are two courts'
    assert len({record.key for record in world.orders()}) == 2000


@pytest.mark.parametrize("number", [0, 2, 7, 11, 15])
def test_a_release_and_an_amendment_are_the_issuing_court_s(number: int) -> None:
    world = World(9, orders=16)
    order = world.order(number)
    until = world.at + dt.timedelta(days=9)
    released, amended = json.loads(world.release(number).value), json.loads(world.amendment(number, until=until).value)
    placed = json.loads(next(world.orders(number)).value)
    assert released.keys() == {"id", "version", "action", "issued_at", "court", "reason"}
    assert (released["id"], released["version"], released["action"]) == (order.id, 2, "release")
    assert released["court"] == amended["court"] == placed["court"]
    assert dt.datetime.fromisoformat(amended["control"]["until"]) == until
    assert amended | {k: placed[k] for k in ("version", "action", "issued_at", "control")} == placed


def test_a_sighting_can_be_asked_for_that_an_order_must_hit() -> None:
    world = World(10, orders=64)
    in_force = [n for n in range(64) if in_force_at(world.order(n), int(world.at.timestamp()))]
    for number in in_force:
        one, other = world.sighting_of(number), world.sighting_of(number, turn=1)
        assert one is not None
        assert other is not None
        assert one.value != other.value
        assert world.order(number).id in {pair.order_id for pair in one.expected}
    assert world.sighting_of(13) is None  # it has expired


def in_force_at(order: Order, moment: int) -> bool:
    return order.begins <= moment and (order.until is None or moment < order.until)


@pytest.mark.parametrize(
    "arguments",
    [{"hit_ratio": 1.5}, {"hit_ratio": -0.1}, {"rate": 0.0}, {"mix": {"karaoke": 1.0}}, {"mix": {}}, {"stream": -1}],
)
def test_what_makes_no_sense_is_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match=r"must|mix|stream|rate"):
        list(islice(World(1, orders=10).sightings(10, **arguments), 10))


def test_a_world_has_people_for_only_so_many_orders() -> None:
    with pytest.raises(ValueError, match="10000000 orders"):
        World(1, orders=10_000_001)
    with pytest.raises(ValueError, match="offset"):
        World(1, at=dt.datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_paced_stream_keeps_its_pace_and_catches_up() -> None:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    times = []
    for i in paced(range(100), 10, clock=lambda: clock[0], sleep=sleep):
        times.append(clock[0])
        if i == 49:
            sleep(3)
    assert all(at >= i / 10 - 1e-9 for i, at in enumerate(times))
    assert times[79] == times[50]
    assert times[-1] < 10
