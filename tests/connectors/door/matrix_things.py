"""Whose the things are that the permission matrix is held against, and what they are called.

Four owners, each a step further from whoever asks, so that every reach ends between two of them; and ``NOTHING``, the names
of what nobody ever made.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final, NamedTuple

from stream.core.authority import PLACES, Grant, Owner, Reach, Role
from stream.core.feeds import case_id
from stream.core.hit import hit_id
from stream.core.incident import IncidentKind, Opening
from stream.core.incident_record import incident_id
from tests.connectors.door.running import NOW
from tests.stream.core.incidents import opening

COURT, PROVINCE, STATION, NAME = "440106", "44", "440304-B-0001", "李法官"
OWNERS: Final = {
    "own": Owner(COURT, PROVINCE, STATION, NAME),
    "colleague": Owner(COURT, PROVINCE, STATION, "张法官"),
    "neighbour": Owner("440300", PROVINCE, "440305-B-0002", "赵法官"),
    "foreign": Owner("310101", "31", "310115-B-0001", "王法官"),
}
REACHED: Final[Mapping[Reach, frozenset[str]]] = {
    Reach.NONE: frozenset(),
    Reach.CASE: frozenset({"own"}),
    Reach.STATION: frozenset({"own", "colleague"}),
    Reach.COURT: frozenset({"own", "colleague"}),
    Reach.PROVINCE: frozenset({"own", "colleague", "neighbour"}),
    Reach.ALL: frozenset(OWNERS),
}
"""Whose things each reach is to reach, for somebody who has their role at the place of ``own`` and bears its handler's name."""


class Things(NamedTuple):
    """What one owner has, by the names that requests give it. ``number`` tells owners apart where a name must be short."""

    whose: str
    number: int
    owner: Owner

    @property
    def is_of_our_court(self) -> bool:
        return self.owner.court == COURT

    @property
    def court(self) -> dict[str, str | None]:
        return {"code": self.owner.court, "province": self.owner.province}

    @property
    def handler(self) -> dict[str, str | None]:
        return {"name": self.owner.handler, "phone": "020-00000000"}

    @property
    def place(self) -> dict[str, str | None]:
        """As an incident and a desk name it."""
        return {"court": self.owner.court, "province": self.owner.province, "station": self.owner.station}

    @property
    def passport(self) -> str:
        return f"E{10_000_000 + self.number}"

    @property
    def order(self) -> str:
        return f"ZX-{self.whose}"

    @property
    def sighting(self) -> str:
        return f"seen-{self.whose}"

    @property
    def hit(self) -> str:
        return hit_id(self.order, self.owner.station or "", self.sighting)

    @property
    def case_number(self) -> str:
        return f"(2026)合成执{self.number}号"

    @property
    def case(self) -> str:
        return case_id(self.owner.court or "", self.case_number)

    @property
    def debtor(self) -> str:
        return self.id_of("debtor")

    @property
    def query(self) -> str:
        return self.id_of("query")

    @property
    def incident(self) -> str:
        return incident_id(self.opening, NOW)

    @property
    def opening(self) -> Opening:
        return opening(IncidentKind.SILENT_SOURCE, f"source of {self.whose}", **self.place)

    def id_of(self, kind: str) -> str:
        """The id of one more thing."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.whose} {kind}"))

    def order_to_release(self, role: Role) -> str:
        """Each role has one of its own to end, for it ends only once."""
        return f"{self.order}-{role}"

    def debtor_to_remove(self, role: Role) -> str:
        return self.id_of(f"debtor for {role}")

    def judgment(self, what: str = "held") -> bytes:
        """A document that is a judgment, or may become one."""
        return f"%PDF-1.7 {what}, of {self.whose}".encode()


EVERYBODY: Final = {whose: Things(whose, number, owner) for number, (whose, owner) in enumerate(OWNERS.items(), 1)}
NOTHING: Final = Things("nothing", 99, Owner("990101", "99", "990101-B-0001", "无法官"))


def grant_of(role: Role) -> Grant:
    """The role at the place of ``own``, where it is one that is had at a place. A station lies in a province, too."""
    here = {"court": COURT, "province": PROVINCE, "station": STATION}
    places = (*PLACES.get(role, ()), *(("province",) if role is Role.STATION else ()))
    return Grant(role, **{place: here[place] for place in places})
