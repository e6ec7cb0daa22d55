"""The fast query: who may be asked about, in which role, for what, and exactly which fields come back (S2.2.1 to S2.2.5).

Deny by default: a cell that names no article grants nothing. Both platforms ask the same table: the courts' before a question
leaves, the police's before it is looked up, and each filters what comes back by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from matchers.documents import canonical_document
from matchers.text import clean
from stream.core.feeds import CaseParty, CaseRecord, Role
from stream.core.hit import Says

ORGANISATION_CODE: Final = "organisation_code"
"""What stands in place of a document's type where an organisation is asked about (GB 32100)."""
PURPOSE_CHARACTERS_MIN: Final = 4
PURPOSE_CHARACTERS_MAX: Final = 200


class Category(StrEnum):
    """What can be asked for."""

    IDENTITY = "identity"
    TRAVEL_DOCUMENTS = "travel_documents"
    BORDER_CROSSINGS = "border_crossings"
    VEHICLES = "vehicles"
    HOTEL_STAYS = "hotel_stays"


class Article(NamedTuple):
    """What an article lets be told: the fields of each record, by the source that has them. A dot goes into a list's items."""

    id: str
    fields: Mapping[str, frozenset[str]]

    @property
    def photo(self) -> bool:
        return any("photo" in names for names in self.fields.values())

    def narrowed(self, sources: Iterable[str]) -> Article:
        return Article(self.id, {source: self.fields[source] for source in sources})


ARTICLES: Final = """
S2.2.1  identity          name former_names birth_date registered_residence address id_number photo

S2.2.2  travel_documents  name sex birth_date documents.type documents.number photo

S2.2.3  travel_documents  name sex birth_date documents.type documents.number photo
S2.2.3  border_crossings  exited_at entered_at destination phone

S2.2.4  vehicles          plate brand model type vin registration_office registered_on
S2.2.4  vehicles          mortgagee sealing_authority sealing_document

S2.2.5  hotel_stays       check_in check_out hotel address phone
"""
"""Article, source, and fields. Nothing else is told, whatever a source holds."""

MATRIX: Final = """
category          judgment_debtor preservation_defendant defendant applicant third_party

identity          S2.2.1          S2.2.1                 S2.2.1    -         -
travel_documents  S2.2.3          S2.2.2                 -         -         -
border_crossings  S2.2.3          -                      -         -         -
vehicles          S2.2.4          S2.2.4                 -         -         -
hotel_stays       S2.2.5          -                      -         -         -
"""
"""Category and role of the party: the article that grants it.

被告 of S2.2.1 is every defendant, 诉讼保全被告 of S2.2.2 and S2.2.4 one in preservation, 被执行人 a judgment debtor.
"""

SOURCES_OF: Final[Mapping[Category, tuple[str, ...]]] = {
    Category.IDENTITY: ("identity",),
    Category.TRAVEL_DOCUMENTS: ("travel_documents",),
    Category.BORDER_CROSSINGS: ("travel_documents", "border_crossings"),
    Category.VEHICLES: ("vehicles",),
    Category.HOTEL_STAYS: ("hotel_stays",),
}
"""Which sources a category is asked of. Who asks for crossings is told all of S2.2.3."""
SOURCES: Final = tuple(category.value for category in Category)


def _read_articles(text: str) -> dict[str, Article]:
    fields: dict[str, dict[str, frozenset[str]]] = {}
    for line in filter(str.strip, text.splitlines()):
        article, source, *names = line.split()
        of_source = fields.setdefault(article, {})
        of_source[source] = of_source.get(source, frozenset()) | frozenset(names)
    return {article: Article(article, of_article) for article, of_article in fields.items()}


def _read_matrix(text: str, articles: Mapping[str, Article]) -> dict[tuple[Category, Role], Article]:
    head, *rows = (line.split() for line in text.splitlines() if line.strip())
    roles = [Role(name) for name in head[1:]]
    found: dict[tuple[Category, Role], Article] = {}
    for name, *cells in rows:
        category = Category(name)
        granted = {role: cell for role, cell in zip(roles, cells, strict=True) if cell != "-"}
        found |= {(category, role): articles[cell].narrowed(SOURCES_OF[category]) for role, cell in granted.items()}
    if {row[0] for row in rows} != set(Category) or set(roles) != set(Role):
        raise AssertionError("the matrix has every category and every role")
    return found


GRANTS: Final[Mapping[tuple[Category, Role], Article]] = _read_matrix(MATRIX, _read_articles(ARTICLES))
_ROLES: Final = tuple(Role)


class Rule(StrEnum):
    """Why a question is not asked."""

    CASE_CLOSED = "case_closed"
    NOT_A_PARTY = "not_a_party"
    ROLE = "role_not_granted"
    NATURAL_PERSON = "natural_person_only"
    PURPOSE = "purpose_missing"


RULES: Final[Mapping[Rule, Says]] = {
    Rule.CASE_CLOSED: Says(
        zh="案件已结，查询权限随之终止", en="the case is closed, and the right to query about its parties ended with it"
    ),
    Rule.NOT_A_PARTY: Says(zh="所查对象不是本案当事人", en="nobody with this document is a party of the case"),
    Rule.ROLE: Says(
        zh="意见未允许就该诉讼地位的当事人查询此类信息", en="no article grants this category for a party in this role"
    ),
    Rule.NATURAL_PERSON: Says(zh="此类信息仅限自然人", en="only a natural person has what this category tells"),
    Rule.PURPOSE: Says(zh="未写明查询目的", en="the purpose of the query is not stated"),
}
_ARTICLES_OF: Final[Mapping[Category, tuple[str, ...]]] = {
    category: tuple(sorted({article.id for (of, _), article in GRANTS.items() if of is category})) for category in Category
}


class Granted(NamedTuple):
    """A question that may be asked: in which role the party stands, and by which article."""

    role: Role
    article: Article


class Refused(NamedTuple):
    """One that may not. ``articles`` are those that say who else may be asked about, or S5.1 where it is none of them."""

    rule: Rule
    articles: tuple[str, ...]


def decide(case: CaseRecord, type_: str, number: str, category: Category, purpose: str) -> Granted | Refused:
    """Whether the court of a case may ask for a category about whoever has the document, and why not (S2.2, S5.1)."""
    if not len(purpose.strip()) >= PURPOSE_CHARACTERS_MIN:
        return Refused(Rule.PURPOSE, ("S5.1",))
    if not case.is_open:
        return Refused(Rule.CASE_CLOSED, _ARTICLES_OF[category])
    parties = [party for party in case.parties if is_of(party, type_, number)]
    if not parties:
        return Refused(Rule.NOT_A_PARTY, _ARTICLES_OF[category])
    if type_ == ORGANISATION_CODE and category is not Category.VEHICLES:
        return Refused(Rule.NATURAL_PERSON, _ARTICLES_OF[category])
    for party in sorted(parties, key=lambda party: _ROLES.index(party.role)):
        if (article := GRANTS.get((category, party.role))) is not None:
            return Granted(party.role, article)
    return Refused(Rule.ROLE, _ARTICLES_OF[category])


def is_of(party: CaseParty, type_: str, number: str) -> bool:
    """Whether the document is the party's: its own number, or one of its others."""
    if type_ == ORGANISATION_CODE:
        return party.kind == "organisation" and clean(party.number) == clean(number)
    if party.kind == "organisation":
        return False
    asked = canonical_document(type_, number)
    theirs = (("resident_id", party.number), *((one.type, one.number) for one in party.documents or ()))
    return any((asked.type, asked.number) == (one.type, one.number) for one in (canonical_document(*of) for of in theirs))


def filtered(record: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """What of a record the fields name, and nothing else. A field that the record lacks is None."""
    told: dict[str, Any] = {}
    for name in fields:
        outer, _, inner = name.partition(".")
        if not inner:
            told[outer] = _plain(record.get(outer))
        elif outer not in told:
            within = frozenset(one.removeprefix(f"{outer}.") for one in fields if one.startswith(f"{outer}."))
            items = record.get(outer)
            listed = items if isinstance(items, list | tuple) else ()
            told[outer] = [filtered(item, within) for item in listed if isinstance(item, Mapping)]
    return told


def _plain(value: Any) -> Any:
    """A value that is not a record: whatever is nested in it is under a name that no article lists."""
    if isinstance(value, Mapping):
        return None
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [item for item in value if not isinstance(item, Mapping | list | tuple)]
    return value
