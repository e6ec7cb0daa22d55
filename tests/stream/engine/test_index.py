"""Releases that stay releases, an index that is lost, and no personal data in what the worker says."""

from __future__ import annotations

import json
import os
import urllib.request
import uuid
from pathlib import Path
from unittest import mock

from click.testing import CliRunner

from connectors.redis.leases import InForce
from connectors.redis.ledger import RedisLedger
from stream.commands.explain import explain
from stream.commands.order import order as order_command
from tests.factory import NAME, Fields, as_record, person_fields, sighting_fields, vehicle_fields
from tests.stream.engine.running import GOOD, Running, hit_id_of, hotel, is_buried, order_id, placed, told, within
from tests.watchlists import orders


def test_after_a_release_there_is_no_hit_and_no_old_order_revives_it(engine: Running) -> None:
    order, passport = placed(engine)
    sealed, plate = order_id(), f"粤B{uuid.uuid4().int % 90_000 + 10_000}"
    seizure = json.loads(orders.order(sealed, 1, [passport]).raw)
    del seizure["person"]
    seizure |= {"measure": "vehicle_seizure", "vehicle": {"plate": plate, "plate_class": "02"}}
    seizure["documents"] = [{"kind": kind, "sha256": "0" * 64} for kind in ("sealing_ruling", "assistance_notice")]
    engine.order(as_record(seizure))
    engine.numbers.add(plate)

    def both_pass() -> Fields:
        """The wanted person drives the sealed car: one record, so that the car's hit proves the person was judged too."""
        car = vehicle_fields(plate, None)
        seen_by = {"id": uuid.uuid4().hex, "station": {"code": f"440106-V-{uuid.uuid4().hex[:8]}"}}
        sighting = sighting_fields("vehicle_inspection", vehicle=car, person=person_fields(passport, "passport"), **seen_by)
        engine.send("sightings.vehicle", as_record(sighting))
        assert told(engine, hit_id_of(sealed, sighting)).instruction == "call_court"
        return sighting

    first = both_pass()
    told(engine, hit_id_of(order, first))
    engine.order(orders.release(order, 2).raw)
    marks = within(
        lambda: engine.ask(lambda client: InForce(client, engine.settings.redis.namespace).of([order]))[order].get(2),
        "the release is marked as in force everywhere",
    )
    assert marks.took_s >= 0
    assert marks.legs is not None
    assert marks.legs.slowest.endswith(f"-{engine.worker.pid()}")
    told_of = _asked(engine, order)
    assert (told_of["state"], told_of["versions"][1]["slowest_worker"]) == ("released", marks.legs.slowest)
    second = both_pass()
    engine.order(orders.order(order, 1, [passport]).raw)
    third = both_pass()
    refused = orders.order(order, 3, [passport], action="amend").raw
    is_buried(engine.letter(engine.order(refused)), "after_release", refused, engine.numbers)
    fourth = both_pass()
    assert [hit["id"] for hit in engine.hits(order)] == [hit_id_of(order, first)]
    assert [hit["id"] for hit in engine.hits(sealed)] == [hit_id_of(sealed, one) for one in (first, second, third, fourth)]
    assert all("person" not in hit["sighting"] for hit in engine.hits(sealed))


def _asked(engine: Running, order: str) -> Fields:
    with mock.patch.dict(os.environ, engine.deployment.environment()):
        unknown = CliRunner().invoke(order_command, [order, "ZX-unknown"])
        ended = CliRunner().invoke(order_command, [order, "--json"])
    assert unknown.exit_code == 1
    assert "ZX-unknown" in unknown.stderr
    assert ended.exit_code == 0, ended.output
    (told_of,) = (json.loads(line) for line in ended.stdout.splitlines())
    assert told_of["order_id"] == order
    return told_of


def _explained(engine: Running, sighting: Fields, folder: Path) -> Fields:
    file = folder / "sighting.json"
    file.write_bytes(as_record(sighting))
    with mock.patch.dict(os.environ, engine.deployment.environment()):
        ended = CliRunner().invoke(explain, [str(file), "--json"])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_a_wiped_index_is_rebuilt_and_meanwhile_nothing_is_missed(engine: Running, tmp_path: Path) -> None:
    order, passport = placed(engine)
    ended, _ = placed(engine, GOOD, passport)
    engine.order(orders.release(ended, 2).raw)
    engine.ask(lambda client: engine.index(client).wipe())
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    assert engine.hits(ended) == []
    explanation = _explained(engine, sighting, tmp_path)
    assert explanation["keys"] == [{"kind": "passport", "value": passport}]
    (judged,) = explanation["orders"]
    assert (judged["order_id"], judged["outcome"], judged["certainty"]) == (order, "hit", "confirmed")
    assert judged["hit_id"] == hit_id_of(order, sighting)
    assert judged["evidence"]
    early = _explained(engine, {**sighting, "occurred_at": "2026-11-19T23:59:59+08:00"}, tmp_path)
    assert (early["hits"], early["orders"][0]["outcome"]) == (0, "before_control")
    nobody = _explained(engine, hotel(engine.passport()), tmp_path)
    assert (nobody["hits"], nobody["orders"]) == (0, [])


def test_a_ledger_that_redis_loses_under_a_worker_is_built_again_and_what_was_told_is_withdrawn(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    hit = told(engine, hit_id_of(order, sighting)).subject
    within(lambda: ("delivered", "delivered", 1) in engine.steps(hit), "the delivery is on record")
    engine.ask(lambda client: RedisLedger(client, engine.settings.redis.namespace).wipe())
    engine.order(orders.release(order, 2).raw)
    within(lambda: any(step == "withdrawn" for step, _, _ in engine.steps(hit)), "the court is told that the hit is void")


def test_log_and_metrics_hold_no_personal_data(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    said = engine.worker.log.read_text()
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]  # librdkafka has a form of its own
    port = next(line["metrics_port"] for line in lines if line["event"] == "started")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        metrics = page.read().decode()
    for line in (
        "chakong_sightings_screened_total",
        "chakong_maybes_total",
        "chakong_deliveries_total",
        "chakong_filter_fill_ratio",
    ):
        assert line in metrics
    private = {*engine.numbers, NAME, "李法官", "020-00000000", "13800000000", "天河路旅馆", "hidden"}
    for text in (said, metrics, *(json.dumps(value, ensure_ascii=False) for _, value in engine.log("receipts"))):
        assert [secret for secret in private if secret in text] == []
    assert "Traceback" not in said
