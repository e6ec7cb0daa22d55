"""Orders that come after the sightings they are about: found by searching back, and nothing falls between."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from unittest import mock

from click.testing import CliRunner

from stream.commands.lookback import lookback
from tests.factory import as_record
from tests.stream.engine.running import GOOD, Running, hit_id_of, hotel, order_id, told, within
from tests.watchlists import orders


def test_sightings_from_before_an_order_are_its_hits(searching: Running) -> None:
    order, passport = order_id(), searching.passport()
    before = [hotel(passport) for _ in range(3)]
    early = hotel(passport, occurred_at="2026-11-19T23:59:59+08:00")
    sent = [searching.send("sightings.hotel", as_record(one)) for one in [*before, early, hotel(searching.passport())]]
    searching.screened(*sent)
    searching.order(orders.order(order, 1, [passport], court=GOOD).raw)
    for sighting in before:
        assert told(searching, hit_id_of(order, sighting)).order_id == order
    hits = searching.hits(order)
    assert {hit["id"] for hit in hits} == {hit_id_of(order, sighting) for sighting in before}
    assert all(hit["lookback"] for hit in hits)
    after = hotel(passport)
    time.sleep(1)  # by now the pass has its end
    searching.send("sightings.hotel", as_record(after))
    told(searching, hit_id_of(order, after))
    assert [hit["lookback"] for hit in searching.hits(order) if hit["id"] == hit_id_of(order, after)] == [False]


def test_nothing_falls_between_searching_back_and_live_screening(searching: Running) -> None:
    order, passport = order_id(), searching.passport()
    sightings = [hotel(passport) for _ in range(300)]
    for number, sighting in enumerate(sightings):
        if number == 100:
            searching.producer.send(searching.settings.kafka.topic("orders"), orders.order(order, 1, [passport]).raw)
        searching.producer.send(searching.settings.kafka.topic("sightings.hotel"), as_record(sighting))
        time.sleep(0.005)
    searching.producer.flush()
    expected = {hit_id_of(order, sighting) for sighting in sightings}
    within(lambda: expected == {hit["id"] for hit in searching.hits(order)}, "every sighting is found, by one or the other")
    found = {hit["lookback"] for hit in searching.hits(order)}
    assert found == {True, False}


def test_the_log_and_the_metrics_tell_of_the_passes(searching: Running) -> None:
    within(lambda: "a pass is done" in searching.worker.log.read_text(), "a pass is done")
    said = searching.worker.log.read_text()
    port = next(json.loads(line)["metrics_port"] for line in said.splitlines() if '"metrics_port"' in line)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        metrics = page.read().decode()
    assert 'chakong_lookback_orders_total{fate="sought"}' in metrics
    assert "chakong_lookback_share_done 1.0" in metrics
    with mock.patch.dict(os.environ, searching.deployment.environment()):
        shown = CliRunner().invoke(lookback)
    assert shown.exit_code == 0
    assert "Searched by " in shown.output
    assert "No pass is under way." in shown.output
    assert [number for number in searching.numbers if number in said + metrics] == []
