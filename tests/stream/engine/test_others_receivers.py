"""What a real worker sends is read by the packages of others: ``standardwebhooks`` and the CloudEvents SDK."""

from __future__ import annotations

import standardwebhooks
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from tests.factory import as_record
from tests.stream.engine.running import RECORDED, Running, hit_id_of, hotel, placed, within


def test_a_hit_as_a_worker_tells_it_is_a_signed_cloudevent(engine: Running) -> None:
    order, passport = placed(engine, RECORDED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    (request,) = within(lambda: engine.recording.about(hit), "the court is asked")
    payload = standardwebhooks.Webhook(engine.recording.secret).verify(request.body, request.headers)
    event = from_http_event(HTTPMessage(request.headers, request.body))
    assert (event.get_id(), event.get_type(), event.get_subject()) == (hit, "chakong.hit.v1", hit)
    data = event.get_data()
    assert data == payload["data"]
    assert isinstance(data, dict)
    assert (data["order_id"], data["sighting"]) == (order, sighting)
