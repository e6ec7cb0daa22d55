"""What cannot be read or is refused: buried with its reason, and nothing else is held up."""

from __future__ import annotations

import json

from tests.factory import NAME, as_record
from tests.stream.engine.running import GONE, Running, hit_id_of, hotel, is_buried, order_id, placed, told
from tests.watchlists import orders


def test_a_sighting_that_cannot_be_readis_buried_and_holds_up_nothing(engine: Running) -> None:
    order, passport = placed(engine)
    good = hotel(passport)
    broken = as_record(hotel(passport))[:-9]
    wrong_type = as_record({**hotel(passport), "id": 17})
    no_number = as_record(hotel(passport) | {"person": {"name": NAME, "document": {"type": "passport", "number": [passport]}}})
    sent = (broken, wrong_type, no_number, as_record(good))
    places = [engine.send("sightings.hotel", raw, b"one station") for raw in sent]
    told(engine, hit_id_of(order, good))
    is_buried(engine.letter(places[0]), "not_json", broken, engine.numbers)
    is_buried(engine.letter(places[1]), "invalid_sighting", wrong_type, engine.numbers)
    is_buried(engine.letter(places[2]), "invalid_sighting", no_number, engine.numbers)
    assert len(engine.hits(order)) == 1  # and not one for each


def test_a_text_cut_within_a_character_hides_nobody(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting).replace("旅馆".encode(), "旅馆".encode()[:-1]))
    assert told(engine, hit_id_of(order, sighting)).certainty == "confirmed"
    (hit,) = engine.hits(order)
    assert hit["warnings"]


def test_an_order_without_its_documentsis_buried_and_not_in_force(engine: Running) -> None:
    order, other = order_id(), placed(engine)
    passport = other[1]
    fields = json.loads(orders.order(order, 1, [passport]).raw)
    raw = as_record({**fields, "documents": fields["documents"][:1]})
    is_buried(engine.letter(engine.order(raw)), "invalid_order", raw, engine.numbers)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(other[0], sighting))
    assert engine.hits(order) == []


def test_a_release_by_another_courtis_buried_and_stops_nothing(engine: Running) -> None:
    order, passport = placed(engine)
    raw = orders.release(order, 2, court=GONE).raw
    is_buried(engine.letter(engine.order(raw)), "other_court", raw, engine.numbers)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
