"""One case an operation of the door: how it is asked for something of an owner's, and what comes of it where that is reached.

Whoever adds a route adds its case here; a test fails where one is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from stream.core.authority import Reach, Role
from stream.core.feeds import case_id
from synthetic.seals import pdf
from tests.connectors.documents.sealed import AT as SEALED_AT
from tests.connectors.documents.sealed import province
from tests.connectors.door.feeding import KNOWN
from tests.connectors.door.matrix_things import EVERYBODY, Things
from tests.connectors.door.office import DIGESTS, DOCUMENTS, order_fields
from tests.factory import resident_id
from tests.stream.core.asked import exit_check, vehicle_check
from tests.stream.core.cases import case_facts, debtor_facts

FIRST: Final = {"If-None-Match": "*"}
HELD: Final = {"If-Match": '"1"'}
SOUGHT: Final = resident_id(201)
"""The resident ID of somebody whom every court has on its list."""
OTHERS_SEAL: Final = tuple(province().other.put_on(pdf([text]), SEALED_AT) for text in ("裁定书", "判决书"))
"""Documents that another court sealed: one that is kept, and one that is not."""


class Facts(NamedTuple):
    """A record of the audit log that a checkpoint covers."""

    writer: str
    sequence: int


class Asked(NamedTuple):
    """A request. ``about``: the id of what it asks for, as the audit log has it."""

    method: str
    path: str
    about: str | None = None
    content: Any = None
    headers: Mapping[str, str] = {}


class Listed(NamedTuple):
    """What a list shows of an owner's. ``every`` asks for the list as wide as it goes."""

    items: str
    name: str
    of: Callable[[Things], str]
    every: Callable[[Things], Asked]


class Case(NamedTuple):
    """How a role asks for something of an owner's, and the statuses: where it is reached, and where it is not, by reach."""

    ask: Callable[[Things, Role], Asked]
    done: int = 200
    others: Mapping[Reach, int] = {}
    listed: Listed | None = None


class PlainCase(NamedTuple):
    """An operation that asks for nothing of anybody's."""

    ask: Callable[[Facts], Asked]
    done: int = 200


def get(path: Callable[[Things], str], about: Callable[[Things], str]) -> Callable[[Things, Role], Asked]:
    return lambda things, _role: Asked("GET", path(things), about(things))


def _put(path: str, about: str, content: Any, headers: Mapping[str, str]) -> Asked:
    return Asked("PUT", path, about, content, headers)


def _post(things: Things, path: str, about: str | None, content: Any) -> Asked:
    return Asked("POST", path, about, content, {"Idempotency-Key": things.whose})


def _put_order(things: Things, role: Role) -> Asked:
    """In the name of their own court: a new order, or, under the id of an order that is another court's, an amendment."""
    if things.is_of_our_court:
        id_, version, held, of = f"{things.order}-by-{role}", 1, FIRST, things
    else:
        id_, version, held, of = things.order, 2, HELD, EVERYBODY["own"]
    fields = order_fields(id_, version, court=of.court, handler=of.handler)
    return _put(f"/v1/orders/{id_}", id_, fields, held)


def _put_document(things: Things, _role: Role) -> Asked:
    data = DOCUMENTS[0] if things.is_of_our_court else OTHERS_SEAL[things.whose == "nothing"]
    digest = hashlib.sha256(data).hexdigest()
    return _put(f"/v1/documents/{digest}", digest, data, {"Content-Type": "application/pdf"})


def _put_case(things: Things, role: Role) -> Asked:
    number = f"{things.case_number}之{list(Role).index(role)}"
    id_ = case_id(things.owner.court or "", number)
    facts = case_facts(court=things.court, handler=things.handler, number=number)
    return _put(f"/v1/cases/{id_}", id_, facts, FIRST)


def _put_debtor(things: Things, role: Role) -> Asked:
    """As with orders."""
    new = things.is_of_our_court
    of, id_ = (things, things.id_of(f"debtor by {role}")) if new else (EVERYBODY["own"], things.debtor)
    facts = debtor_facts(court=of.court, handler=of.handler, version=1 if new else 2)
    return _put(f"/v1/debtors/{id_}", id_, facts, FIRST if new else HELD)


def _remove_debtor(things: Things, role: Role) -> Asked:
    id_ = things.debtor_to_remove(role)
    return Asked("DELETE", f"/v1/debtors/{id_}", id_, None, HELD)


def _put_judgment(things: Things, role: Role) -> Asked:
    """As with orders."""
    new = things.is_of_our_court
    of, document = (things, things.judgment(role)) if new else (EVERYBODY["own"], things.judgment())
    digest = hashlib.sha256(document).hexdigest()
    facts = {"version": 1 if new else 2, "court": of.court, "handler": of.handler, "case_id": of.case, "kind": "civil_judgment"}
    return _put(f"/v1/judgments/{digest}", digest, facts, FIRST if new else HELD)


def _find_debtors(type_: str, number: str) -> Asked:
    return Asked("POST", "/v1/debtors/search", None, {"party": {"type": type_, "number": number}})


def _ask_registry(things: Things, _role: Role) -> Asked:
    number = KNOWN[things.number].documents[0]._asdict()
    content = {"case": things.case, "party": number, "category": "vehicles", "purpose": "查找被执行人可供执行的财产"}
    return _post(things, "/v1/queries?wait=20", things.case, content)


def _check(kind: str, check: Callable[..., dict[str, Any]]) -> Callable[[Things, Role], Asked]:
    def asked(things: Things, _role: Role) -> Asked:
        desk = {"code": things.owner.station, "province": things.owner.province}
        return Asked("POST", f"/v1/checks/{kind}", things.owner.station, check(station=desk))

    return asked


def _explain(things: Things, _role: Role) -> Asked:
    named = {"station_code": things.owner.station, "sighting_id": things.sighting}
    return Asked("POST", "/v1/explanations", things.sighting, named)


def _open_incident(things: Things, _role: Role) -> Asked:
    content = {"about": "夜间联调", "says": {"zh": "联调期间回执延迟"}, **things.place}
    return _post(things, "/v1/incidents", things.owner.station, content)


def _change_rules(side: str) -> Callable[[Things, Role], Asked]:
    """One role alone may, so its changes of one province's rules come one after the other."""
    before = {"colleague": 1, "neighbour": 2}

    def asked(things: Things, _role: Role) -> Asked:
        home, version = str(things.owner.province), before.get(things.whose)
        held = FIRST if version is None else {"If-Match": f'"{home}.{side}.{version}"'}
        return _put(f"/v1/rules/{home}/{side}", home, {"reason": "值班调整", "rules": {"narrow": []}}, held)

    return asked


def _list(
    path: Callable[[Things], str],
    every: str | None,
    name: str,
    of: Callable[[Things], str],
    items: str = "items",
    **others: int,
) -> Case:
    """A list shows less to whoever reaches less, and is no refusal; ``others``: but where it is."""
    refused = {reach: others.get(reach.name.lower(), 200) for reach in Reach}
    listed = Listed(items, name, of, lambda things: Asked("GET", every or path(things)))
    return Case(lambda things, _role: Asked("GET", path(things), things.owner.station), 200, refused, listed)


CASES: Final[Mapping[str, Case]] = {
    "fetch_inbox": _list(lambda _: "/v1/inbox?limit=1000", None, "subject", lambda of: of.hit, "events"),
    "confirm_hit": Case(lambda of, _: _post(of, f"/v1/hits/{of.hit}/confirmations", of.hit, {"answer": "executed"}), 202),
    "list_hits": _list(lambda of: f"/v1/hits?order_id={of.order}", "/v1/hits?limit=1000", "id", lambda of: of.hit),
    "get_hit": Case(get(lambda of: f"/v1/hits/{of.hit}", lambda of: of.hit)),
    "put_order": Case(_put_order, 202),
    "release_order": Case(
        lambda of, role: _post(
            of, f"/v1/orders/{of.order_to_release(role)}/release", of.order_to_release(role), {"reason": "fulfilled"}
        ),
        202,
    ),
    "get_order": Case(get(lambda of: f"/v1/orders/{of.order}", lambda of: of.order)),
    "list_orders": _list(lambda of: f"/v1/orders?court={of.owner.court}&limit=1000", None, "order_id", lambda of: of.order),
    "put_document": Case(_put_document, 200, dict.fromkeys(Reach, 422)),
    "get_document": Case(get(lambda of: f"/v1/orders/{of.order}/documents/{DIGESTS[0]}", lambda _: DIGESTS[0])),
    "put_case": Case(_put_case, 202),
    "get_case": Case(get(lambda of: f"/v1/cases/{of.case}", lambda of: of.case)),
    "put_debtor": Case(_put_debtor, 202),
    "remove_debtor": Case(_remove_debtor, 202),
    "find_debtors": Case(
        lambda of, _: _find_debtors("passport", of.passport),
        200,
        dict.fromkeys(Reach, 200),
        Listed("items", "id", lambda of: of.debtor, lambda _: _find_debtors("resident_id", SOUGHT)),
    ),
    "put_judgment": Case(_put_judgment, 202),
    "get_judgment": Case(
        get(
            lambda of: f"/v1/judgments/{hashlib.sha256(of.judgment()).hexdigest()}",
            lambda of: hashlib.sha256(of.judgment()).hexdigest(),
        )
    ),
    "ask_registry": Case(_ask_registry),
    "get_registry_answer": Case(get(lambda of: f"/v1/queries/{of.query}?wait=20", lambda of: of.query)),
    "get_registry_photo": Case(get(lambda of: f"/v1/queries/{of.query}/photo?wait=20", lambda of: of.query)),
    "check_vehicle": Case(_check("vehicle", vehicle_check)),
    "check_exit": Case(_check("exit", exit_check)),
    "list_instructions": _list(
        lambda of: f"/v1/instructions?station={of.owner.station}",
        "/v1/instructions?limit=1000",
        "sighting_id",
        lambda of: of.sighting,
        station=404,
    ),
    "explain_sighting": Case(_explain),
    "open_incident": Case(_open_incident, 202),
    "list_incidents": _list(lambda _: "/v1/incidents?limit=1000", None, "id", lambda of: of.incident),
    "get_incident": Case(get(lambda of: f"/v1/incidents/{of.incident}", lambda of: of.incident)),
    "move_incident": Case(
        lambda of, _: _post(of, f"/v1/incidents/{of.incident}/steps", of.incident, {"step": "acknowledge"}), 202
    ),
    "get_rules": Case(get(lambda of: f"/v1/rules/{of.owner.province}", lambda of: str(of.owner.province))),
    "get_rules_history": Case(get(lambda of: f"/v1/rules/{of.owner.province}/history", lambda of: str(of.owner.province))),
    "change_court_rules": Case(_change_rules("court")),
    "change_police_rules": Case(_change_rules("police")),
}
PLAIN_CASES: Final[Mapping[str, PlainCase]] = {
    "search_audit": PlainCase(lambda _: Asked("GET", "/v1/audit?limit=1", "log")),
    "prove_audit": PlainCase(
        lambda of: Asked("GET", f"/v1/audit/{of.writer}/{of.sequence}/proof", str(of.sequence)),
    ),
    "verify_audit": PlainCase(lambda _: Asked("POST", "/v1/audit/verifications", "log", {})),
    "get_health": PlainCase(lambda _: Asked("GET", "/v1/health")),
    "who_am_i": PlainCase(lambda _: Asked("GET", "/v1/me")),
}
"""What is nobody's. It is open whole to some roles and to the others not at all."""
