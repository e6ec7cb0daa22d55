"""Policy: which sighting may hit which order, and what the station is then told. Declared as data (TOML).

A province may overlay the national policy (S5.3): at its own stations (``side = "police"``), or for orders of its own courts
(``side = "court"``). An overlay can narrow and never widen. ``widenings`` says what in one would, and whatever an overlay
says, what it does is to take away, to take the shorter and to pass over: so no overlay widens, checked or not.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator

from matchers.sighting import Sighting
from matchers.wire import Message, reason
from watchlists.order import Measure, Order, PartyRole, Requirement
from watchlists.overlay import SIDES, Liaison, Overlay, Part, Response, ResponseTimes, Side, Situation, unknown_fields

Instruction = Literal["none", "call_court", "refuse_registration"] | Requirement
INSTRUCTIONS: Final[tuple[Instruction, ...]] = tuple(name for literal in get_args(Instruction) for name in get_args(literal))
T = TypeVar("T", bound=BaseModel)


class PolicyError(ValueError):
    """A policy or an overlay that cannot be used: it says which file, where in it, and why."""


class PolicyRule(Message):
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


class _NationalPolicy(Message):
    version: str
    priority: tuple[Instruction, ...]
    escalation: tuple[str, ...] = Field(min_length=1)
    response: ResponseTimes
    province: dict[Side, tuple[Part, ...]]
    rule: tuple[PolicyRule, ...] = Field(min_length=1)

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


class Named(NamedTuple):
    """An overlay under the name that it has in a policy's version."""

    name: str
    overlay: Overlay


class Policy:
    """The national policy with the provinces' overlays; immutable."""

    def __init__(self, national: _NationalPolicy, overlays: tuple[Named, ...] = ()) -> None:
        self._national = national
        self.version = national.version
        self.rules = national.rule
        self.priority = national.priority
        self.response_times = national.response
        self.escalation = national.escalation
        self.overlays = overlays
        self._of: dict[tuple[Side, str], tuple[Named, ...]] = {}
        for name, overlay in overlays:
            place = overlay.side, overlay.province
            heard = overlay.only(self._national.province.get(overlay.side, ()))
            self._of[place] = (*self._of.get(place, ()), Named(name, heard))

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

    def with_overlays(self, files: Sequence[Path]) -> Policy:
        """This policy, narrowed further by files.

        Raises:
            PolicyError: an overlay is no TOML, has a field that is not in the form, or would widen.
        """
        overlays = []
        for file in files:
            overlay = read_overlay(file)
            if widens := self.widenings(overlay):
                raise PolicyError(f"{file}: {'; '.join(widens)}; an overlay can narrow but never widen")
            digest = hashlib.sha256(overlay.model_dump_json().encode()).hexdigest()[:8]
            overlays.append(Named(f"{overlay.province}.{overlay.side}.file-{digest}", overlay))
        return self.narrowed(overlays)

    def narrowed(self, overlays: Iterable[Named]) -> Policy:
        """This policy under further overlays. What one says that would widen has no effect."""
        return Policy(self._national, (*self.overlays, *overlays))

    def judge(self, order: Order, sighting: Sighting) -> Allowed | Denied:
        """Whether this sighting may hit this order, were the subject the same."""
        situation, role = Situation.of(sighting), order.case.party_role
        rule = next((rule for rule in self.rules if rule.covers(order, situation)), None)
        if rule is None:
            return Denied("no_rule", f"no rule lets a {situation} hit an order of {order.measure}")
        for _, overlay in self._touching(order, sighting):
            if any(narrowing.rule == rule.id and narrowing.takes_away(role, situation) for narrowing in overlay.narrow):
                return Denied("overlay", f"province {overlay.province} ({overlay.side}) takes away rule {rule.id}")
        instruction = order.control.requirement if rule.instruction == "requirement" else rule.instruction
        if instruction is None:  # Order refuses an exit restriction without a requirement
            raise AssertionError
        return Allowed(
            rule.id,
            instruction,
            _expiry(rule, sighting),
            rule.response,
            self.response_times_of(order.court.province).within(rule.response),
            self._group_window(rule, situation, order.court.province),
        )

    def version_of(self, order: Order, sighting: Sighting) -> str:
        """The version of what judges this pair: the nation's, and of every overlay that has a say in it."""
        return "+".join([self.version, *(name for name, _ in self._touching(order, sighting))])

    def version_in(self, province: str) -> str:
        """The version of what judges in a province: the nation's, and its two sides'."""
        return "+".join([self.version, *(name for side in SIDES for name, _ in self.of(side, province))])

    def of(self, side: Side, province: str | None) -> tuple[Named, ...]:
        """The overlays of one side of a province, as far as they have an effect."""
        return () if province is None else self._of.get((side, province), ())

    def response_times_of(self, province: str | None) -> ResponseTimes:
        """How soon a handler of the province's courts is to answer: the shortest that nation and province say."""
        times = self.response_times
        for _, overlay in self.of("court", province):
            times = times if overlay.response is None else times.shorter(overlay.response)
        return times

    def group_minutes_of(self, rule: PolicyRule, province: str | None) -> int:
        """Within how many minutes hits of a rule are one matter to the province's courts: the fewest that are said."""
        windows = [overlay.group_minutes for _, overlay in self.of("court", province)]
        return min([rule.group_minutes, *(window for window in windows if window is not None)])

    def escalation_of(self, province: str | None) -> tuple[str, ...]:
        """The levels above the handler that the province's courts escalate to. The nation's last is always among them."""
        chains = [overlay.escalation for _, overlay in self.of("court", province) if overlay.escalation is not None]
        *others, last = self.escalation
        return (*(level for level in others if all(level in chain for chain in chains)), last)

    def liaison_of_court(self, province: str | None, code: str) -> Liaison | None:
        """Whom to call at a court, as its province's court side last named them (S3.1)."""
        named = [one for _, overlay in self.of("court", province) for one in overlay.liaison if one.court == code]
        return named[-1] if named else None

    def liaison_of_station(self, province: str | None, code: str) -> Liaison | None:
        """Whom to call at a border station, as its province's police side last named them (S3.1)."""
        named = [one for _, overlay in self.of("police", province) for one in overlay.liaison if one.station == code]
        return named[-1] if named else None

    def strictest(self, instructions: Iterable[Instruction]) -> Instruction:
        """The one that a station is given of several, by the declared priority; ``ValueError`` where there is none."""
        return min(instructions, key=self.priority.index)

    def widenings(self, overlay: Overlay) -> list[str]:
        """What in an overlay would widen the national policy, by its place, without what it says; empty: it only narrows."""
        allowed = self._national.province.get(overlay.side, ())
        foreign = [
            f"{part}: not the {overlay.side} side's to set; that may set {', '.join(allowed)}"
            for part in overlay.parts()
            if part not in allowed
        ]
        checks = (self._narrowings, self._clocks, self._chain, self._contacts)
        return [*foreign, *(found for check in checks for found in check(overlay))]

    def _touching(self, order: Order, sighting: Sighting) -> tuple[Named, ...]:
        return (*self.of("court", order.court.province), *self.of("police", sighting.station.province))

    def _group_window(self, rule: PolicyRule, situation: Situation, province: str | None) -> dt.timedelta:
        """Whoever is leaving the country is told of at once, whatever the rule says: the next sighting may be abroad."""
        return dt.timedelta(minutes=0 if situation.direction == "exit" else self.group_minutes_of(rule, province))

    def _narrowings(self, overlay: Overlay) -> Iterator[str]:
        rules = {rule.id: rule for rule in self.rules}
        for number, narrowing in enumerate(overlay.narrow):
            rule = rules.get(narrowing.rule)
            if rule is None:
                yield f"narrow[{number}].rule: the national policy has no such rule; its rules are {', '.join(rules)}"
                continue
            for situation in narrowing.without:
                if not any(when.covers(situation) for when in rule.when):
                    yield f"narrow[{number}].without: nothing to take away, for rule {rule.id} does not cover a {situation}"

    def _clocks(self, overlay: Overlay) -> Iterator[str]:
        if overlay.response is not None:
            for name in ResponseTimes.model_fields:
                if getattr(overlay.response, name) > (most := getattr(self.response_times, name)):
                    yield f"response.{name}: longer than the nation's {most}"
        longest = max(rule.group_minutes for rule in self.rules)
        if overlay.group_minutes is not None and overlay.group_minutes > longest:
            yield f"group_minutes: longer than the nation's longest window, {longest}"

    def _chain(self, overlay: Overlay) -> Iterator[str]:
        chain, last = overlay.escalation, self.escalation[-1]
        if chain is None:
            return
        if chain != tuple(level for level in self.escalation if level in chain):
            yield f"escalation: not some of the nation's levels in their order: {', '.join(self.escalation)}"
        if last not in chain:
            yield f"escalation: without {last}, the last resort, which no province may pass over"

    def _contacts(self, overlay: Overlay) -> Iterator[str]:
        seen: set[tuple[str | None, str | None]] = set()
        for number, liaison in enumerate(overlay.liaison):
            own = liaison.court if overlay.side == "court" else liaison.station
            if own is None:
                yield f"liaison[{number}]: each side names its own: the court side courts, the police side border stations"
            elif (place := (liaison.court, liaison.station)) in seen:
                yield f"liaison[{number}]: this place has a liaison already"
            else:
                seen.add(place)


def read_overlay(file: Path) -> Overlay:
    """The overlay in a TOML file, whether or not it would widen.

    Raises:
        PolicyError: it cannot be read, is no TOML, or has a field that is not in the form.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{file}: cannot be read ({error})") from None
    return _parse(Overlay, text, str(file))


def _parse(model: type[T], text: str, file: str) -> T:
    hint = "; an overlay can narrow but never widen" if model is Overlay else ""
    try:
        parsed = model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        raise PolicyError(f"{file}: {reason(error)}{hint}") from None
    if unknown := ", ".join(unknown_fields(parsed)):
        raise PolicyError(f"{file}: {unknown}: not in the form{hint}")
    return parsed


def _expiry(rule: PolicyRule, sighting: Sighting) -> dt.datetime:
    if sighting.check_out is not None and sighting.check_out > sighting.occurred_at:
        return sighting.check_out
    try:
        return sighting.occurred_at + dt.timedelta(minutes=rule.fresh_minutes)
    except OverflowError:
        return sighting.occurred_at
