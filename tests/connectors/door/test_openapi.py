"""The OpenAPI document: whole in itself, and every operation asks for a token and refuses with problems."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.door.app import openapi
from connectors.door.problems import PROBLEM_TYPE
from stream.core.authority import RIGHTS

DOCUMENT: dict[str, Any] = openapi()
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert set(OPERATIONS) <= set(RIGHTS)
    schemas = DOCUMENT["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT))) <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_asks_for_a_token_and_its_refusals_are_problems(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["security"] == [{"HTTPBearer": []}]
    refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert {"401", "422", "429", "500", "503"} <= set(refusals)
    assert all(list(answer["content"]) == [PROBLEM_TYPE] for answer in refusals.values())


def test_S1_every_route_has_a_version_a_right_and_typed_bodies() -> None:
    assert all(path.startswith("/v1/") for path in DOCUMENT["paths"])
    for name, operation in OPERATIONS.items():
        assert name in RIGHTS
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        done = [answer for status, answer in operation["responses"].items() if status < "300" and "content" in answer]
        assert done, name
        for body in (*bodies, *done):
            for content_type, content in body["content"].items():
                is_binary = content_type in ("application/pdf", "image/*")
                assert is_binary or set(content["schema"]) & {"$ref", "type", "anyOf"}, (name, content_type)
