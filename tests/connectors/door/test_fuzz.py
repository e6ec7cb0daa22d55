"""The door against its own OpenAPI document, by every role that may: whatever is asked, it answers as the document says.

Schemathesis makes requests that fit the document, and such that do not; half of those that name a thing name one that is there.
Beside it good bodies are changed as no schema would have it. Nothing may be answered by a status, a content type, a body or
headers that the document does not have, nor by a 5xx but a documented 501 or 503. A longer run: ``CHAKONG_FUZZ_EXAMPLES=500``.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from connectors.documents.verifier import PdfSealVerifier
from connectors.door.problems import KINDS
from connectors.door.settings import WAIT_S_MAX
from deploy.local.addresses import Addresses
from stream.core.authority import RIGHTS, Reach, Role
from stream.core.feeds import case_id
from stream.schemas import DOCS
from tests.connectors.documents.sealed import NOW as SEALED_AT
from tests.connectors.documents.sealed import write_trust
from tests.connectors.door.bodies import BODIES
from tests.connectors.door.fuzzed import TOKENS, Fuzzed, fuzzed
from tests.connectors.door.matrix_things import COURT
from tests.mutations import CANARY, as_json, changed


@schemathesis.serializer("application/pdf")
def _as_it_is(_context: schemathesis.SerializationContext, value: Any) -> dict[str, Any]:
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}


EXAMPLES: Final = int(os.environ.get("CHAKONG_FUZZ_EXAMPLES", "4"))
"""Of each role and kind of data."""
BOUNDED: Final = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
DOCUMENT: Final = schemathesis.openapi.from_path(DOCS / "openapi.json")
OPERATIONS: Final = {one.ok().definition.raw["operationId"]: one.ok() for one in DOCUMENT.get_all_operations()}
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AWAY: Final = frozenset({501, 503})
ANSWER_S_MAX: Final = 60.0


@pytest.fixture(scope="module")
def door(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        PdfSealVerifier(write_trust(folder / "trust"), lambda: SEALED_AT, processes=1) as verifier,
        fuzzed(stack, folder, verifier) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


def roles_of(operation: str) -> list[Role]:
    """Those that may do it."""
    return [role for role, reach in RIGHTS[operation].items() if reach is not Reach.NONE]


def headers_of(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[role]}"}


def patient(case: schemathesis.Case) -> schemathesis.Case:
    """The case without a wish to wait: a wait that is allowed costs its time."""
    query = dict(case.query or {})
    if "wait" in {one.name for one in case.operation.query} and _is_allowed(query.get("wait", WAIT_S_MAX)):
        case.query = query | {"wait": 0}
    for name in [name for name in case.headers or {} if name.lower() == "prefer"]:
        case.headers[name] = re.sub("[0-9]+", "0", str(case.headers[name]))
    return case


def _is_allowed(wait: object) -> bool:
    try:
        return 0 <= float(str(wait)) <= WAIT_S_MAX
    except ValueError:
        return False


def judge(case: schemathesis.Case, answer: schemathesis.Response | requests.Response, sent: str = "") -> None:
    """What no answer may be."""
    answered = schemathesis.Response.from_any(answer)
    case.validate_response(answered, checks=CHECKS)
    assert answered.status_code < 500 or answered.status_code in AWAY, (answered.status_code, answered.text)
    if answered.status_code >= 400:
        problem = answered.json()
        kind = problem["type"].removeprefix("urn:chakong:problem:")
        assert KINDS[kind].status == problem["status"] == answered.status_code
        assert problem["request_id"] == answered.headers["x-request-id"][0]
        assert CANARY not in sent or CANARY not in answered.text, answered.text


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_fits_the_document_or_does_not_is_answered_as_it_says(
    door: Fuzzed, session: requests.Session, name: str, mode: GenerationMode
) -> None:
    operation, there = OPERATIONS[name], door.there.get(name)
    for role in roles_of(name):

        @BOUNDED
        @given(operation.as_strategy(mode), st.booleans())
        def holds(case: Any, known: bool) -> None:
            if known and there:
                case.path_parameters = {**case.path_parameters, **there}
            answered = patient(case).call(door.url, session, headers_of(role), timeout=ANSWER_S_MAX)  # noqa: B023 called here
            judge(case, answered)

        holds()


class Sent(NamedTuple):
    """What names the thing in the path, and a body."""

    names: Mapping[str, str]
    body: Any


def anew(name: str, there: Mapping[str, str], id_: uuid.UUID) -> Sent:
    """A good body of something that is not there yet, where the operation puts such; else of what is there."""
    body = BODIES[name]
    match name:
        case "put_case":
            number = f"(2026)粤0106执{id_.int}号"
            return Sent({"case_id": case_id(COURT, number)}, body | {"number": number})
        case "put_order":
            return Sent({"order_id": str(id_)}, body | {"id": str(id_)})
        case "put_debtor":
            return Sent({"debtor_id": str(id_)}, body)
        case "check_vehicle" | "check_exit":
            return Sent({}, body | {"id": str(id_)})
        case _:
            return Sent(there, body)


@pytest.mark.parametrize("name", BODIES)
def test_a_good_body_is_taken_and_one_gone_wrong_is_answered_as_the_document_says(
    door: Fuzzed, session: requests.Session, name: str
) -> None:
    operation, there = OPERATIONS[name], door.there.get(name, {})
    (role, *_) = roles_of(name)
    numbers = count()

    def ask(names: Mapping[str, str], raw: bytes) -> int:
        path = operation.path.format(**{key: quote(value, safe="") for key, value in names.items()})
        headers = headers_of(role) | {"Content-Type": "application/json", "Idempotency-Key": f"{name}-{next(numbers)}"}
        headers |= {"If-None-Match": "*", "Accept-Language": "en"}
        answered = session.request(operation.method, door.url + path, data=raw, headers=headers, timeout=ANSWER_S_MAX)
        judge(operation.Case(path_parameters=dict(names)), answered, raw.decode("utf-8", "replace"))
        return answered.status_code

    good = anew(name, there, uuid.UUID(int=0))
    assert ask(good.names, as_json(good.body).encode()) in (200, 202) or name == "put_judgment"  # of which there is one already

    @settings(BOUNDED, max_examples=EXAMPLES * 8)
    @given(
        st.uuids().map(lambda id_: anew(name, there, id_)).flatmap(lambda one: st.tuples(st.just(one.names), changed(one.body)))
    )
    def holds(sent: tuple[Mapping[str, str], bytes]) -> None:
        ask(*sent)

    holds()


def test_every_operation_with_a_body_has_a_good_one() -> None:
    taking = {name for name, one in OPERATIONS.items() for body in one.body if body.media_type == "application/json"}
    assert taking == BODIES.keys()
