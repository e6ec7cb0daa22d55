"""Notifications to courts: CloudEvents 1.0 in structured JSON (contract, "Notification").

The id is the idempotency key: the same news has the same id however often it is sent, so a repeat is recognised.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Self

import msgspec
from pydantic import Field, model_validator

from matchers.wire import Message, NonEmpty, Timestamp
from stream.core.delivery import Reason
from stream.core.escalation import AnyLevel, Escalated, Level, Why, told_above
from stream.core.hit import Hit, Says
from stream.core.incident import IncidentKind
from stream.core.incident_due import Late, Limits, Owed, notice_by, resolve_by
from stream.core.incident_life import Incident
from stream.core.lacking import Lack
from stream.core.notice import Kind, Place, id_of
from stream.core.outage import Outage
from watchlists.order import Court, Measure, ReleaseReason
from watchlists.policy import Instruction

EventType = Literal[
    "chakong.hit.v1",
    "chakong.withdrawal.v1",
    "chakong.overdue.v1",
    "chakong.incident.v1",
    "chakong.test.v1",
    "chakong.orders_lacking.v1",
    "chakong.endpoint.v1",
]

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "urn:chakong"
_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]{1,20}")


class Notification(Message):
    """One event for a court. A field that is not listed here is a CloudEvents extension attribute."""

    specversion: Literal["1.0"] = "1.0"
    id: NonEmpty
    source: NonEmpty = SOURCE
    type: EventType
    subject: NonEmpty = Field(description="the id of the hit, incident, outage, test or list that the event is about")
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: NonEmpty | None = None
    data: dict[str, Any] = Field(description="a hit, or what its type says")

    @model_validator(mode="after")
    def _names_its_extensions_well(self) -> Self:
        wrong = sum(not _EXTENSION_NAME.fullmatch(name) for name in self.__pydantic_extra__ or {})
        if wrong:
            raise ValueError(
                f"{wrong} extension attributes are not named by 1 to 20 lower-case letters and digits (CloudEvents 1.0)"
            )
        return self

    def body(self) -> bytes:
        """The event as compact UTF-8 JSON. Only unset attributes are left out: a null within ``data`` stays as it was sent."""
        attributes = self.model_dump(mode="json", exclude={"data"}, exclude_none=True)
        return msgspec.json.encode({**attributes, "data": self.data})


WithdrawalReason = ReleaseReason | Literal["amended"]
"""``amended``: under the order's new version the sighting is no hit any more."""


class Withdrawal(Message):
    """The data of ``chakong.withdrawal.v1``: the hit that was told is void. It repeats nothing about the person or vehicle."""

    hit_id: str
    order_id: str
    order_version: int = Field(description="the version that the hit was told under")
    court: Court
    case_number: str
    reason: WithdrawalReason | None = Field(description="null when the release that ended the order is not at hand")
    withdrawn_at: Timestamp


class ToldBefore(Message):
    """A level that was told of the hit before, and since when; null while the news was on its way."""

    level: Level
    at: Timestamp | None


class Overdue(Message):
    """The data of ``chakong.overdue.v1``: a hit that nobody has answered. It repeats nothing about the person or vehicle."""

    hit_id: str
    order_id: str
    court: Court
    case_number: str
    measure: Measure
    instruction: Instruction
    level: Level = Field(description="who is told by this")
    why: Why
    waiting_since: Timestamp
    respond_within_s: int = Field(description="how soon an answer is expected of each level")
    told_before: tuple[ToldBefore, ...] = Field(description="from the handler upwards")
    is_last: bool = Field(description="nobody above this level will be told")


class EndpointNews(Message):
    """The data of ``chakong.endpoint.v1``: the health of one of the court's endpoints changed. It names nobody and no case."""

    court: Court = Field(
        description="a court's code, of a high court its province, of the national command `nation`; * for any; of the"
        " police a province, `00` or a station's code, as the level says"
    )
    level: AnyLevel
    channel: str
    endpoint: str = Field(description="redacted: no user, query or secret, and nobody's address or number")
    health: Kind = Field(
        description="`down`: it fails, and is tried anew from time to time; `gone`: it answered 410, and gets nothing more"
        " until its entry is another; `recovered`"
    )
    since: Timestamp = Field(description="when it first failed")
    recovered_at: Timestamp | None
    failures: int = Field(description="in a row, as the first worker that noted it counted them")
    reason: Reason | None = Field(description="why it failed last")
    waiting: int | None = Field(
        description="hits of this court that wait for another attempt; null: not counted, as for an endpoint of many courts"
    )


class Addressee(Message):
    """Whose endpoint is tested, as the endpoints file has it."""

    code: NonEmpty = Field(description="a court's code, of a high court its province, of the national command `nation`; or `*`")


class ReachabilityTest(Message):
    """The data of ``chakong.test.v1``: somebody is asked to answer, as a hit is answered, with the test's id for the hit's.

    It is about no order and no person.
    """

    test_id: str
    court: Addressee = Field(description="who is to answer, under this code")
    level: Level
    channel: str
    answer_by: Timestamp


class OrderLacking(Message):
    """An order, and what it lacks."""

    order_id: str
    reasons: tuple[Lack, ...] = Field(min_length=1)


class OrdersLacking(Message):
    """The data of ``chakong.orders_lacking.v1``: a court's orders that lack what news of a hit will need; no persons."""

    court: Addressee
    orders: tuple[OrderLacking, ...] = Field(min_length=1, description="the first thousand by id")
    total: int = Field(ge=1, description="how many there are")
    looked_at: Timestamp


class IncidentNews(Message):
    """The data of ``chakong.incident.v1``: something is wrong between the platforms, and both sides are told (S4.5).

    It names no person and no vehicle.
    """

    incident_id: str
    kind: IncidentKind
    about: str
    says: Says
    step: Literal["opened", "reopened", "overdue", "resolved"]
    court: Addressee | None = Field(description="whose it is; null for what is of no single court")
    province: str | None
    station: str | None
    opened_at: Timestamp = Field(description="when it was opened, or reopened last")
    notice_by: Timestamp = Field(description="until when both sides are to know: 24 hours")
    resolve_by: Timestamp
    level: AnyLevel | None = Field(default=None, description="of `overdue`: who is told by this")
    why: Late | None = Field(default=None, description="of `overdue`")
    is_last: bool = Field(default=False, description="of `overdue`: nobody of this side above this level will be told")
    note: str | None = Field(default=None, description="of `resolved`: what whoever resolved it says")


DATA: Final[dict[EventType, type[Message]]] = {
    "chakong.hit.v1": Hit,
    "chakong.withdrawal.v1": Withdrawal,
    "chakong.overdue.v1": Overdue,
    "chakong.endpoint.v1": EndpointNews,
    "chakong.test.v1": ReachabilityTest,
    "chakong.orders_lacking.v1": OrdersLacking,
    "chakong.incident.v1": IncidentNews,
}
"""What ``data`` holds, by type; the other types come with the work that sends them."""


def _event(type_: EventType, id_: str, subject: str, at: dt.datetime, data: Message, source: str) -> Notification:
    return Notification(id=id_, source=source, type=type_, subject=subject, time=at, data=data.model_dump(mode="json"))


def hit_notification(
    hit: Hit,
    *,
    update: bool,
    at: dt.datetime,
    matter: Mapping[str, object] | None = None,
    late: bool = False,
    source: str = SOURCE,
) -> Notification:
    """The news of a hit; an ``update`` tells a hit again that was told under a lower order version.

    ``matter`` lists the repetitions that it tells of, too; ``late`` news came after it stopped being useful, and says so.
    """
    data = hit.model_dump(mode="json", by_alias=True)
    extensions: dict[str, Any] = {"late": True} if late else {}
    return Notification(
        id=f"{hit.id}.{hit.order_version}" if update else hit.id,
        source=source,
        type="chakong.hit.v1",
        subject=hit.id,
        time=at,
        data=data if matter is None else {**data, "matter": dict(matter)},
        **extensions,
    )


def withdrawal_notification(
    hit: Hit, reason: WithdrawalReason | None, *, at: dt.datetime, source: str = SOURCE
) -> Notification:
    """The news that a hit which was told, or may have been, is void.

    A release is final, so a hit has one withdrawal by release; each version told can be withdrawn by an amendment.
    """
    step = f"amended.{hit.order_version}" if reason == "amended" else "released"
    withdrawal = Withdrawal(
        hit_id=hit.id,
        order_id=hit.order_id,
        order_version=hit.order_version,
        court=hit.court,
        case_number=hit.case_number,
        reason=reason,
        withdrawn_at=at,
    )
    return _event("chakong.withdrawal.v1", event_id(hit.id, "chakong.withdrawal.v1", step), hit.id, at, withdrawal, source)


def overdue_notification(
    hit: Hit,
    level: Level,
    why: Why,
    *,
    planned_at: dt.datetime,
    delivered_at: dt.datetime | None,
    respond_within: dt.timedelta,
    escalated: Sequence[Escalated] = (),
    is_last: bool = False,
    at: dt.datetime,
    source: str = SOURCE,
) -> Notification:
    """The news, for ``level``, that a hit waits for an answer; of one hit each level has one such event."""
    overdue = Overdue(
        hit_id=hit.id,
        order_id=hit.order_id,
        court=hit.court,
        case_number=hit.case_number,
        measure=hit.measure,
        instruction=hit.instruction,
        level=level,
        why=why,
        waiting_since=delivered_at or planned_at,
        respond_within_s=round(respond_within.total_seconds()),
        told_before=(
            ToldBefore(level="handler", at=delivered_at),
            *(ToldBefore(level=one.level, at=one.at) for one in told_above(escalated) if one.level != level),
        ),
        is_last=is_last,
    )
    return _event("chakong.overdue.v1", event_id(hit.id, "chakong.overdue.v1", level), hit.id, at, overdue, source)


def endpoint_notification(
    place: Place, outage: Outage, kind: Kind, *, waiting: int | None, at: dt.datetime, source: str = SOURCE
) -> Notification:
    """The news that an endpoint of the court fails, is gone or has recovered; of one outage there is one event of each kind."""
    news = EndpointNews(
        court=Court(code=place.court),
        level=place.level,
        channel=place.channel,
        endpoint=place.name,
        health=kind,
        since=outage.since,
        recovered_at=(outage.recovered_at or at) if kind is Kind.RECOVERED else None,
        failures=outage.failures,
        reason=outage.reason,
        waiting=waiting,
    )
    subject = id_of(*place, outage.since.isoformat())
    return _event("chakong.endpoint.v1", event_id(subject, "chakong.endpoint.v1", kind.value), subject, at, news, source)


def reachability_test(test: ReachabilityTest, *, at: dt.datetime, source: str = SOURCE) -> Notification:
    """A test of one endpoint; sent again, it has the same id."""
    return _event("chakong.test.v1", test.test_id, test.test_id, at, test, source)


def orders_lacking(listing: OrdersLacking, listing_id: str, *, source: str = SOURCE) -> Notification:
    """A court's list of orders that lack something; ``listing_id`` is one a court and day."""
    return _event("chakong.orders_lacking.v1", listing_id, listing_id, listing.looked_at, listing, source)


def incident_notification(
    incident: Incident, owed: Owed, limits: Limits, *, at: dt.datetime, source: str = SOURCE
) -> Notification:
    """The news of an incident that a level of a side is owed. Both sides' notices of one opening are one event."""
    opening, step = incident.opening, owed.event.partition(".")[0]
    resolved = incident.resolved if step == "resolved" else None
    owner = opening.owner
    news = IncidentNews.model_validate(
        {
            "incident_id": incident.id,
            "kind": opening.kind,
            "about": opening.about,
            "says": opening.says,
            "step": step,
            "court": None if owner.court is None else Addressee(code=owner.court),
            "province": owner.province,
            "station": owner.station,
            "opened_at": incident.round.at,
            "notice_by": notice_by(incident, limits),
            "resolve_by": resolve_by(incident, limits),
            "level": owed.level if step == "overdue" else None,
            "why": owed.why,
            "is_last": owed.is_last,
            "note": None if resolved is None else resolved.note,
        }
    )
    id_ = event_id(incident.id, "chakong.incident.v1", owed.event)
    return _event("chakong.incident.v1", id_, incident.id, at, news, source)


def event_id(about: str, event_type: str, step: str) -> str:
    """The id of an event about a hit or incident, other than the hit itself: UUIDv5 of the JSON array of type and step."""
    return str(uuid.uuid5(uuid.UUID(about), json.dumps([event_type, step], ensure_ascii=False, separators=(",", ":"))))
