"""Hit ids, and hits of the past; what else is claimed of hits stands in ``tests/cases/hits.ndjson``."""

from __future__ import annotations

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st

from stream.core.hit import Hit, hit_id
from tests.stream.core.hits import hit

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(TEXTS, TEXTS, TEXTS)
def test_the_id_is_the_contracts_formula(order_id: str, station: str, sighting_id: str) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:hit")
    parts = ",".join(json.dumps(text, ensure_ascii=False) for text in (order_id, station, sighting_id))
    assert hit_id(order_id, station, sighting_id) == str(uuid.uuid5(namespace, f"[{parts}]"))


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_text_can_slide_from_one_part_into_another(a: str, b: str, c: str, d: str) -> None:
    if (a + b, c, d) != (a, b + c, d):
        assert hit_id(a + b, c, d) != hit_id(a, b + c, d)


def test_a_known_id_never_changes() -> None:
    """Written down once: a change here would deliver every hit of the past again."""
    assert hit_id("ZX-440106-2026-1234-01", "440106-H-0012", "440106-H-0012/2026-000017") == KNOWN


KNOWN = "2a53ced6-277e-546c-87af-59171b72a5ee"


def test_a_hit_from_before_there_was_a_response_class_is_read() -> None:
    """``hits`` is kept for ever."""
    added = {"response", "respond_within_s", "group_within_s"}
    old = Hit.model_validate_json(hit().model_dump_json(exclude=added))
    assert (old.response, old.respond_within_s, old.group_within_s) == ("routine", 3600, 0)
