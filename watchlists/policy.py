"""Policy: which sighting may hit which order, and what the station is then told. Declared as data (TOML).

A province may overlay the national policy (S5.3). An overlay can narrow and never widen: it may only take away a rule, or
some of the situations that a rule covers, at that province's own stations (``side = "police"``) or for orders of its own
courts (``side = "court"``). It has no words for the clock of a hit, for grouping or for the priority of instructions: these are
the nation's alone.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from matchers.sighting import Direction, Kind, Occasion, Sighting
from matchers.wire import reason
from watchlists.order import Measure, Order, PartyRole, Requirement

Instruction = Literal["none", "call_court", "refuse_registration"] | Requirement
INSTRUCTIONS: Final[tuple[Instruction, ...]] = tuple(name for literal in get_args(Instruction) for name in get_args(literal))
Response = Literal["urgent", "routine"]
"""How soon a handler is to answer: the two priorities of the US NCIC's hit confirmation (10 minutes, 1 hour)."""
Side = Literal["police", "court"]
T = TypeVar("T", bound=BaseModel)


class PolicyError(ValueError):
    """A policy or an overlay that cannot be used: it says which file, where in it, and why."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Situation(_Table):
    """What a sighting must be. A direction or occasion that the sighting does not tell is judged as ``of`` says."""

    kind: Kind
    direction: Direction | None = None
    occasion: Occasion | None = None

    @classmethod
    def of(cls, sighting: Sighting) -> Situation:
        """The situation of a sighting.

        A missing or wrong direction or occasion never costs a hit (contract, "Sighting"): a crossing is then judged as an
        exit, which is what border control is for, and an inspection as a find on duty (S3.2: 执勤执法).
        """
        if sighting.kind == "border_crossing":
            return cls(kind=sighting.kind, direction=sighting.direction or "exit")
        if sighting.kind == "vehicle_inspection":
            return cls(kind=sighting.kind, occasion=sighting.occasion or "roadside_check")
        return cls(kind=sighting.kind)

    def covers(self, other: Situation) -> bool:
        return self.kind == other.kind and self.direction in (None, other.direction) and self.occasion in (None, other.occasion)


class PolicyRule(_Table):
    id: str
    article: str
    measure: Measure
    party_role: PartyRole | None = None
    when: tuple[Situation, ...] = Field(min_length=1)
    instruction: Literal["none", "call_court", "refuse_registration", "requirement"]
    fresh_minutes: int = Field(gt=0)
    response: Response
    group_minutes: int = Field(ge=0)

    def covers(self, order: Order, situation: Situation) -> bool:
        return (
            self.measure == order.measure
            and self.party_role in (None, order.case.party_role)
            and any(when.covers(situation) for when in self.when)
        )


class Narrowing(_Table):
    """One thing that an overlay takes away: of ``rule``, the situations in ``without``, or all where it has none."""

    rule: str
    without: tuple[Situation, ...] = ()
    party_role: PartyRole | None = None


class Overlay(_Table):
    province: str = Field(pattern=r"^[0-9]{2}$")
    side: Side
    narrow: tuple[Narrowing, ...]


class ResponseTimes(_Table):
    """Minutes within which a handler is to answer a hit, by the hit's response class."""

    urgent_minutes: int = Field(gt=0)
    routine_minutes: int = Field(gt=0)

    @model_validator(mode="after")
    def _urgent_is_sooner(self) -> Self:
        if self.urgent_minutes > self.routine_minutes:
            raise ValueError("urgent_minutes is longer than routine_minutes")
        return self

    def within(self, response: Response) -> dt.timedelta:
        return dt.timedelta(minutes=self.urgent_minutes if response == "urgent" else self.routine_minutes)


class _NationalPolicy(_Table):
    version: str
    priority: tuple[Instruction, ...]
    response: ResponseTimes
    rule: tuple[PolicyRule, ...]

    @field_validator("priority")
    @classmethod
    def _names_each_once(cls, priority: tuple[Instruction, ...]) -> tuple[Instruction, ...]:
        if wrong := [name for name in INSTRUCTIONS if priority.count(name) != 1]:
            raise ValueError(f"must name every instruction exactly once, and does not so name {', '.join(wrong)}")
        return priority


@dataclass(frozen=True, slots=True)
class Allowed:
    """A pair that policy lets hit: by which rule, what the station is told, until when the news is useful.

    ``respond_within`` is the handler's time to answer. ``group_within`` is the window in which the same subject, seen again by
    the same station in the same situation, is one matter; zero means that every hit is told at once.
    """

    rule: str
    instruction: Instruction
    expires_at: dt.datetime
    response: Response
    respond_within: dt.timedelta
    group_within: dt.timedelta


@dataclass(frozen=True, slots=True)
class Denied:
    """A pair that policy does not let hit, and why: ``no_rule``, or ``overlay`` with the rule that a province took away."""

    why: Literal["no_rule", "overlay"]
    detail: str


class Policy:
    """The national policy with the provinces' overlays; immutable."""

    def __init__(self, national: _NationalPolicy, overlays: tuple[Overlay, ...] = ()) -> None:
        self._national = national
        self.version = national.version
        self.rules = national.rule
        self.priority = national.priority
        self.response_times = national.response
        self.overlays = overlays

    @classmethod
    def national(cls) -> Policy:
        """The policy that ships with the engine."""
        source = resources.files("watchlists") / "policy.toml"
        return cls.from_toml(source.read_text("utf-8"), "policy.toml")

    @classmethod
    def from_toml(cls, text: str, file: str) -> Policy:
        """The national policy that a text declares; ``file`` is what an error calls it.

        Raises:
            PolicyError: no TOML, not of the form, or a priority that does not name every instruction exactly once.
        """
        return cls(_parse(_NationalPolicy, text, file))

    def with_overlays(self, files: list[Path]) -> Policy:
        """This policy, narrowed further.

        Raises:
            PolicyError: an overlay is no TOML, has a field that is not in the form, or would widen.
        """
        overlays = []
        for file in files:
            try:
                text = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise PolicyError(f"{file}: cannot be read ({error})") from None
            overlay = _parse(Overlay, text, str(file))
            self._check_narrows(overlay, str(file))
            overlays.append(overlay)
        return Policy(self._national, (*self.overlays, *overlays))

    def judge(self, order: Order, sighting: Sighting) -> Allowed | Denied:
        """Whether this sighting may hit this order, were the subject the same."""
        situation = Situation.of(sighting)
        rule = next((rule for rule in self.rules if rule.covers(order, situation)), None)
        if rule is None:
            return Denied("no_rule", f"no rule lets a {_named(situation)} hit an order of {order.measure}")
        for overlay in self.overlays:
            if overlay.province != _province(overlay.side, order, sighting):
                continue
            for narrowing in overlay.narrow:
                if narrowing.rule == rule.id and _takes_away(narrowing, order, situation):
                    return Denied("overlay", f"province {overlay.province} ({overlay.side}) takes away rule {rule.id}")
        instruction = order.control.requirement if rule.instruction == "requirement" else rule.instruction
        if instruction is None:  # Order refuses an exit restriction without a requirement
            raise AssertionError
        return Allowed(
            rule.id,
            instruction,
            _expiry(rule, sighting),
            rule.response,
            self.response_times.within(rule.response),
            _group_window(rule, situation),
        )

    def strictest(self, instructions: Iterable[Instruction]) -> Instruction:
        """The one that a station is given of several, by the declared priority; ``ValueError`` where there is none."""
        return min(instructions, key=self.priority.index)

    def _check_narrows(self, overlay: Overlay, file: str) -> None:
        rules = {rule.id: rule for rule in self.rules}
        for number, narrowing in enumerate(overlay.narrow):
            rule = rules.get(narrowing.rule)
            if rule is None:
                known = ", ".join(rules)
                raise PolicyError(
                    f"{file}: narrow[{number}].rule: the national policy has no rule {narrowing.rule!r}, and an overlay can"
                    f" narrow but never widen; its rules are {known}"
                )
            for situation in narrowing.without:
                if not any(when.covers(situation) for when in rule.when):
                    raise PolicyError(
                        f"{file}: narrow[{number}].without: rule {rule.id} does not cover a {_named(situation)}, so there is"
                        " nothing to take away; an overlay can narrow but never widen"
                    )


def _parse(model: type[T], text: str, file: str) -> T:
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        hint = "; an overlay can narrow but never widen" if model is Overlay else ""
        raise PolicyError(f"{file}: {reason(error)}{hint}") from None


def _takes_away(narrowing: Narrowing, order: Order, situation: Situation) -> bool:
    if narrowing.party_role not in (None, order.case.party_role):
        return False
    return not narrowing.without or any(without.covers(situation) for without in narrowing.without)


def _province(side: Side, order: Order, sighting: Sighting) -> str | None:
    return sighting.station.province if side == "police" else order.court.province


def _named(situation: Situation) -> str:
    detail = situation.direction or situation.occasion
    return f"{situation.kind} ({detail})" if detail else situation.kind


def _group_window(rule: PolicyRule, situation: Situation) -> dt.timedelta:
    """Whoever is leaving the country is told of at once, whatever the rule says: the next sighting may be abroad."""
    return dt.timedelta(minutes=0 if situation.direction == "exit" else rule.group_minutes)


def _expiry(rule: PolicyRule, sighting: Sighting) -> dt.datetime:
    if sighting.check_out is not None and sighting.check_out > sighting.occurred_at:
        return sighting.check_out
    try:
        return sighting.occurred_at + dt.timedelta(minutes=rule.fresh_minutes)
    except OverflowError:
        return sighting.occurred_at
