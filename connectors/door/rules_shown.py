"""How a province's rules are shown: to whoever asks at the door, and on the command line."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from connectors.door import preconditions
from watchlists.overlay import SIDES, Liaison, Narrowing, ResponseTimes, Rules, Side, Situation
from watchlists.policy import Policy, PolicyRule
from watchlists.rules import Author, History, Stored


def etag(stored: Stored | None) -> str | None:
    """The ETag of a side's newest version; None where there is none."""
    return None if stored is None else preconditions.etag(stored.version.name)


class VersionView(BaseModel):
    """One version of one side's rules."""

    id: str
    province: str
    side: Side
    version: int
    at: dt.datetime
    by: Author
    reason: str
    effective_from: dt.datetime = Field(description="as it was asked for")
    counts_from: dt.datetime = Field(description="what happens from then on is judged by it, unless a newer version is")
    rules: Rules

    @classmethod
    def of(cls, stored: Stored) -> VersionView:
        said = {name: getattr(stored.version, name) for name in cls.model_fields if name != "counts_from"}
        return cls(**said, counts_from=stored.counts_from)


class SideView(BaseModel):
    """One side's rules: the version that counts at the instant that was asked for, and the newest, which may count later."""

    counting: VersionView | None
    newest: VersionView | None
    etag: str | None = Field(description="of the newest: what If-Match is to say; null: If-None-Match: * makes the first")

    @classmethod
    def of(cls, history: History, province: str, side: Side, instant: dt.datetime) -> SideView:
        counting, newest = history.counting(province, side, instant), history.newest(province, side)
        return cls(
            counting=None if counting is None else VersionView.of(counting),
            newest=None if newest is None else VersionView.of(newest),
            etag=etag(newest),
        )


class TakenAway(BaseModel):
    """What a side takes away of a rule: these situations, or all; of one party role, or of both."""

    side: Side
    without: tuple[Situation, ...]
    party_role: str | None

    @classmethod
    def of(cls, side: Side, narrowing: Narrowing) -> TakenAway:
        return cls(side=side, without=narrowing.without, party_role=narrowing.party_role)


class RuleView(BaseModel):
    """A national rule, as it is in the province."""

    id: str
    article: str
    measure: str
    party_role: str | None
    when: tuple[Situation, ...]
    instruction: str
    fresh_minutes: int
    response: str
    respond_within_minutes: int = Field(description="of orders of the province's courts")
    group_minutes: int = Field(description="of orders of the province's courts")
    taken_away: list[TakenAway]

    @classmethod
    def of(cls, rule: PolicyRule, policy: Policy, province: str) -> RuleView:
        taken = [
            TakenAway.of(side, narrowing)
            for side in SIDES
            for _, overlay in policy.of(side, province)
            for narrowing in overlay.narrow
            if narrowing.rule == rule.id
        ]
        within = policy.response_times_of(province).within(rule.response)
        own = {
            "respond_within_minutes": int(within.total_seconds()) // 60,
            "group_minutes": policy.group_minutes_of(rule, province),
            "taken_away": taken,
        }
        return cls(**{**rule.model_dump(), **own})


class Effective(BaseModel):
    """The policy that both sides' rules make of the nation's."""

    version: str = Field(description="names all parts: the nation's, the court side's and the police side's")
    rules: list[RuleView]
    response: ResponseTimes
    escalation: list[str] = Field(description="who is told, after the handler, of a hit that nobody answers")
    liaison: list[Liaison]

    @classmethod
    def of(cls, policy: Policy, province: str) -> Effective:
        return cls(
            version=policy.version_in(province),
            rules=[RuleView.of(rule, policy, province) for rule in policy.rules],
            response=policy.response_times_of(province),
            escalation=list(policy.escalation_of(province)),
            liaison=[one for side in SIDES for _, overlay in policy.of(side, province) for one in overlay.liaison],
        )


class RulesView(BaseModel):
    """A province's rules at an instant."""

    province: str
    at: dt.datetime
    effective: Effective
    court: SideView
    police: SideView

    @classmethod
    def of(cls, history: History, province: str, instant: dt.datetime) -> RulesView:
        return cls(
            province=province,
            at=instant,
            effective=Effective.of(history.at(instant), province),
            court=SideView.of(history, province, "court", instant),
            police=SideView.of(history, province, "police", instant),
        )


class HistoryPage(BaseModel):
    """Versions of both sides, oldest first."""

    items: list[VersionView]
    next: str | None = Field(description="come back with it as after; null at the end")
