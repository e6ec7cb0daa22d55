"""A desk's check against a running engine: what is blocked is a hit like any other, and what was released is clear again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.factory import Fields, as_record
from tests.stream.core.asked import seizure, vehicle_check
from tests.stream.engine.running import Running, hit_id_of, order_id, placed, told, within
from tests.watchlists import orders

OFFICE = f"440106-V-{uuid.uuid4().hex[:8]}"
Ask = Callable[[str, Fields | None], Any]


@pytest.fixture
def ask(engine: Running) -> Iterator[Ask]:
    """Asks at a door of this engine, as the one vehicle office that has a token there; again, where nothing can be said yet."""
    token, deployment = uuid.uuid4().hex, engine.deployment
    deployment.tokens_file.with_name("office.token").write_text(token)
    entry = f'[[token]]\nrole = "station"\nstation = "{OFFICE}"\nprovince = "44"\ntoken_file = "office.token"\n'
    deployment.tokens_file.write_text(entry, "utf-8")
    url = deployment.start_door()

    def asked(path: str, content: Fields | None) -> Fields | None:
        data = None if content is None else as_record(content)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=30) as answer:
                said: Fields = json.load(answer)
                return said
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return None

    yield lambda path, content: within(lambda: asked(path, content), f"an answer to {path}")
    deployment.door().stop()


def test_S3_2_a_blocked_check_is_told_to_the_court_and_after_the_release_it_is_clear(engine: Running, ask: Ask) -> None:
    sealed, plate = order_id(), f"粤D{uuid.uuid4().int % 90_000 + 10_000}"
    engine.numbers.add(plate)

    def check() -> Fields:
        station, vehicle = {"code": OFFICE, "name": "天河车管所"}, {"plate": plate, "plate_class": "02"}
        return vehicle_check(station=station, vehicle=vehicle)

    placed(engine)
    assert ask("/v1/checks/vehicle", check())["answer"] == "clear"
    engine.order(as_record(seizure(sealed, plate=plate, vin=None)))
    asked = check()
    said = ask("/v1/checks/vehicle", asked)
    assert (said["answer"], said["instruction"]["order_ids"]) == ("blocked", [sealed])
    hit = hit_id_of(sealed, asked)
    assert said["instruction"]["hit_ids"] == [hit]
    assert told(engine, hit).instruction == "refuse_registration"
    page = ask("/v1/instructions?wait=20", None)
    (given,) = page["items"]
    assert {name: given[name] for name in said["instruction"]} == said["instruction"]

    again = ask("/v1/checks/vehicle", asked)
    assert again["instruction"] == said["instruction"] | {"expires_at": again["instruction"]["expires_at"]}
    engine.order(orders.release(sealed, 2).raw)
    assert ask("/v1/checks/vehicle", check())["answer"] == "clear"

    def withdrawn() -> list[Any]:
        nonlocal page
        page = ask(f"/v1/instructions?wait=5&after={page['next']}", None)
        return [one["hit_ids"] for one in page["items"] if one["state"] == "withdrawn"]

    assert within(withdrawn, "the instruction is withdrawn") == [[hit]]
    assert [one["id"] for one in engine.hits(sealed) if one["id"] != hit] == []
