"""Verdicts: is what was seen what an order names, how sure, and why, in words.

Certainty is the contract's: ``verify`` on a contradicting name, a plate whose class is unknown on one side, a repaired
plate, or a plate and class that agree while two known VINs differ; on no other ground. Only an order that notes a misused
identity adds one: that the person seen may be its genuine holder (S3: a handler's "identity not the same" feeds back).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from matchers.documents import Document
from matchers.misuse import told_apart, told_of
from matchers.names import contradicts
from matchers.subject import Person, Vehicle
from matchers.text import clean_name

Certainty = Literal["confirmed", "verify"]


class Words(NamedTuple):
    """One sentence in the two languages of the engine."""

    zh: str
    en: str


class Rule(StrEnum):
    """What one piece of evidence says; the value stands in a hit's evidence and in ``explain``."""

    DOCUMENT_EQUAL = "document.equal"
    DOCUMENT_DIFFERENT = "document.different"
    NAME_KNOWN = "name.known"
    NAME_DIFFERENT = "name.different"
    MISUSED_IDENTITY = "misused_identity"
    VIN_EQUAL = "vin.equal"
    VIN_DIFFERENT = "vin.different"
    PLATE_EQUAL = "plate.equal"
    PLATE_REPAIRED = "plate.repaired"
    PLATE_DIFFERENT = "plate.different"
    PLATE_CLASS_EQUAL = "plate_class.equal"
    PLATE_CLASS_UNKNOWN = "plate_class.unknown"
    PLATE_CLASS_DIFFERENT = "plate_class.different"


SAYS: Final[dict[Rule, Words]] = {
    Rule.DOCUMENT_EQUAL: Words("证件种类和号码相同", "type and number of the document are equal"),
    Rule.DOCUMENT_DIFFERENT: Words("证件种类或号码不同", "no document of the order has this type and number"),
    Rule.NAME_KNOWN: Words("姓名与令状所载姓名或曾用名一致", "the name is the order's name or a former name"),
    Rule.NAME_DIFFERENT: Words(
        "请核对姓名：登记姓名与令状所载姓名及曾用名均不一致",
        "check the name: it is neither the order's name nor a former name",
    ),
    Rule.MISUSED_IDENTITY: Words(
        "请核对身份：令状注明此身份被他人冒用，所见之人可能是真正的持有人；"
        "请将姓名、性别、出生日期、电话和其他证件与承办法官所掌握的信息比对",
        "check the identity: the order notes that it is misused, and this may be its genuine holder; compare name, sex, birth"
        " date, phone and other documents with what the handler knows of them",
    ),
    Rule.VIN_EQUAL: Words("车辆识别代号相同", "the VINs are equal"),
    Rule.VIN_DIFFERENT: Words("请核对车辆识别代号：两个代号不同", "check the VIN: the two known VINs differ"),
    Rule.PLATE_EQUAL: Words("号牌号码相同", "the plates are equal"),
    Rule.PLATE_REPAIRED: Words(
        "请核对号牌：序号中的字母I、O已按数字1、0识读", "check the plate: I or O in its serial was read as 1 or 0"
    ),
    Rule.PLATE_DIFFERENT: Words("号牌号码不同", "the plates differ"),
    Rule.PLATE_CLASS_EQUAL: Words("号牌种类相同", "the plate classes are equal"),
    Rule.PLATE_CLASS_UNKNOWN: Words("请核对号牌种类：有一方未知", "check the plate class: it is unknown on one side"),
    Rule.PLATE_CLASS_DIFFERENT: Words("号牌种类不同，不是同一车辆", "the plate classes differ: not the same vehicle"),
}
_TO_CHECK: Final = frozenset(
    {Rule.NAME_DIFFERENT, Rule.MISUSED_IDENTITY, Rule.VIN_DIFFERENT, Rule.PLATE_REPAIRED, Rule.PLATE_CLASS_UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison: on what, what each side holds (None where it holds nothing), and the rule that speaks."""

    on: str
    sighting: str | None
    order: str | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer on one candidate; ``evidence`` is there for a no as for a yes."""

    matches: bool
    certainty: Certainty
    evidence: tuple[Evidence, ...]

    @property
    def checks(self) -> tuple[Words, ...]:
        """What a human must check first: empty unless the certainty is ``verify``."""
        return tuple(SAYS[e.rule] for e in self.evidence if e.rule in _TO_CHECK) if self.certainty == "verify" else ()


def compare_persons(seen: Person, sought: Person) -> Verdict:
    """Whether the person seen carries a document that the order names (contract: names never match by themselves)."""
    evidence = [_document_evidence(document, sought) for document in seen.documents]
    matches = any(piece.rule is Rule.DOCUMENT_EQUAL for piece in evidence)
    names = [name for name in (sought.name, *sought.former_names) if name and clean_name(name)]
    contradiction = contradicts(seen.name, names)
    if seen.name and clean_name(seen.name) and names:
        rule = Rule.NAME_DIFFERENT if contradiction else Rule.NAME_KNOWN
        evidence.append(Evidence("name", seen.name, "、".join(names), rule))
    misused = matches and sought.holder is not None and not told_apart(seen, sought, sought.holder)
    if misused and sought.holder is not None:
        # Which data the note has, never their values: a hit tells no more of the holder than what is to be compared.
        evidence.append(Evidence("identity", None, "、".join(told_of(sought.holder)) or None, Rule.MISUSED_IDENTITY))
    return Verdict(matches, "verify" if matches and (contradiction or misused) else "confirmed", tuple(evidence))


def compare_vehicles(seen: Vehicle, sought: Vehicle) -> Verdict:
    """Whether the vehicle seen is the one the order names: by VIN, else by plate and class together."""
    vins = _vin_evidence(seen, sought)
    plates = _plate_evidence(seen, sought)
    evidence = (*vins, *plates)
    rules = {piece.rule for piece in evidence}
    if Rule.VIN_EQUAL in rules:
        return Verdict(True, "confirmed", evidence)
    if Rule.PLATE_EQUAL not in rules or Rule.PLATE_CLASS_DIFFERENT in rules:
        return Verdict(False, "confirmed", evidence)
    return Verdict(True, "verify" if rules & _TO_CHECK else "confirmed", evidence)


def _document_evidence(document: Document, sought: Person) -> Evidence:
    for named in sought.documents:
        if document.number and (document.type, document.number) == (named.type, named.number):
            return Evidence("document", _shown(document), _shown(named), Rule.DOCUMENT_EQUAL)
    return Evidence("document", _shown(document), "、".join(map(_shown, sought.documents)), Rule.DOCUMENT_DIFFERENT)


def _shown(document: Document) -> str:
    return f"{document.type} {document.given}"


def _vin_evidence(seen: Vehicle, sought: Vehicle) -> list[Evidence]:
    if seen.vin is None or sought.vin is None or not seen.vin.number or not sought.vin.number:
        return []
    rule = Rule.VIN_EQUAL if seen.vin.number == sought.vin.number else Rule.VIN_DIFFERENT
    return [Evidence("vin", seen.vin.given, sought.vin.given, rule)]


def _plate_evidence(seen: Vehicle, sought: Vehicle) -> list[Evidence]:
    if seen.plate is None or sought.plate is None or not seen.plate.number or not sought.plate.number:
        return []
    given = (seen.plate.given, sought.plate.given)
    if seen.plate.number != sought.plate.number:
        return [Evidence("plate", *given, Rule.PLATE_DIFFERENT)]
    evidence = [Evidence("plate", *given, Rule.PLATE_EQUAL)]
    if seen.plate.repaired or sought.plate.repaired:
        evidence.append(Evidence("plate", *given, Rule.PLATE_REPAIRED))
    classes = (seen.plate_class, sought.plate_class)
    if None in classes:
        rule = Rule.PLATE_CLASS_UNKNOWN
    else:
        rule = Rule.PLATE_CLASS_EQUAL if classes[0] == classes[1] else Rule.PLATE_CLASS_DIFFERENT
    evidence.append(Evidence("plate_class", *classes, rule))
    return evidence
