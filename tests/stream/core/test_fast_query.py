"""Every cell of the matrix of S2.2: who may be asked about in which role, by which article, and exactly what is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.fast_query import GRANTS, ORGANISATION_CODE, RULES, Category, Granted, Refused, Rule, decide, filtered
from stream.core.feeds import Role
from tests.factory import ID, resident_id
from tests.stream.core.cases import CODE, case, organisation_fields, party_fields

PURPOSE = "查找财产"
IDENTITY = {"name", "former_names", "birth_date", "registered_residence", "address", "id_number", "photo"}
DOCUMENTS = {"name", "sex", "birth_date", "documents.type", "documents.number", "photo"}
CROSSINGS = {"exited_at", "entered_at", "destination", "phone"}
VEHICLES = {
    *("plate", "brand", "model", "type", "vin", "registration_office", "registered_on"),
    *("mortgagee", "sealing_authority", "sealing_document"),
}
STAYS = {"check_in", "check_out", "hotel", "address", "phone"}


def asked(category: str, role: str) -> Granted | Refused:
    return decide(case(party_fields(role)), "resident_id", ID, Category(category), PURPOSE)


def told(category: str, role: str) -> tuple[str, dict[str, set[str]]] | None:
    """The article and the fields by source; None where it is refused for the role."""
    decision = asked(category, role)
    if isinstance(decision, Refused):
        assert decision.rule is Rule.ROLE
        return None
    assert decision.role == role
    return decision.article.id, {source: set(fields) for source, fields in decision.article.fields.items()}


@pytest.mark.parametrize("role", ["judgment_debtor", "preservation_defendant", "defendant"])
def test_S2_2_1_the_identity_of_a_defendant_or_judgment_debtor_is_told(role: str) -> None:
    assert told("identity", role) == ("S2.2.1", {"identity": IDENTITY})


@pytest.mark.parametrize("role", ["applicant", "third_party"])
def test_S2_2_1_the_identity_of_anybody_else_is_not(role: str) -> None:
    assert told("identity", role) is None


def test_S2_2_2_a_defendant_in_preservations_travel_documents_are_told() -> None:
    assert told("travel_documents", "preservation_defendant") == ("S2.2.2", {"travel_documents": DOCUMENTS})


def test_S2_2_2_a_defendant_in_preservations_crossings_and_phone_are_not() -> None:
    assert told("border_crossings", "preservation_defendant") is None
    article = GRANTS[Category.TRAVEL_DOCUMENTS, Role.PRESERVATION_DEFENDANT]
    assert not CROSSINGS & set().union(*article.fields.values())


def test_S2_2_3_a_judgment_debtors_documents_and_crossings_are_told() -> None:
    assert told("travel_documents", "judgment_debtor") == ("S2.2.3", {"travel_documents": DOCUMENTS})
    assert told("border_crossings", "judgment_debtor") == (
        "S2.2.3",
        {"travel_documents": DOCUMENTS, "border_crossings": CROSSINGS},
    )


@pytest.mark.parametrize("role", ["defendant", "applicant", "third_party"])
@pytest.mark.parametrize("category", ["travel_documents", "border_crossings"])
def test_S2_2_3_nobody_elses_are(category: str, role: str) -> None:
    assert told(category, role) is None


@pytest.mark.parametrize("role", ["judgment_debtor", "preservation_defendant"])
def test_S2_2_4_a_debtors_and_a_defendant_in_preservations_vehicles_are_told(role: str) -> None:
    assert told("vehicles", role) == ("S2.2.4", {"vehicles": VEHICLES})


@pytest.mark.parametrize("role", ["defendant", "applicant", "third_party"])
def test_S2_2_4_nobody_elses_are(role: str) -> None:
    assert told("vehicles", role) is None


def test_S2_2_5_a_judgment_debtors_hotel_stays_are_told() -> None:
    assert told("hotel_stays", "judgment_debtor") == ("S2.2.5", {"hotel_stays": STAYS})


@pytest.mark.parametrize("role", ["preservation_defendant", "defendant", "applicant", "third_party"])
def test_S2_2_5_nobody_elses_are(role: str) -> None:
    assert told("hotel_stays", role) is None


def test_every_cell_of_the_matrix_is_tested_above() -> None:
    granted = {(category.value, role.value) for category, role in GRANTS}
    assert granted == {
        ("identity", "judgment_debtor"),
        ("identity", "preservation_defendant"),
        ("identity", "defendant"),
        ("travel_documents", "judgment_debtor"),
        ("travel_documents", "preservation_defendant"),
        ("border_crossings", "judgment_debtor"),
        ("vehicles", "judgment_debtor"),
        ("vehicles", "preservation_defendant"),
        ("hotel_stays", "judgment_debtor"),
    }
    assert (len(Category), len(Role)) == (5, 5)


def test_S2_2_a_closed_case_grants_nothing_and_a_suspended_one_goes_on() -> None:
    closed = case(party_fields(), status="closed")
    assert decide(closed, "resident_id", ID, Category.IDENTITY, PURPOSE) == Refused(Rule.CASE_CLOSED, ("S2.2.1",))
    assert isinstance(decide(case(status="suspended"), "resident_id", ID, Category.IDENTITY, PURPOSE), Granted)


@pytest.mark.parametrize(
    ("category", "articles"),
    [
        ("identity", ("S2.2.1",)),
        ("travel_documents", ("S2.2.2", "S2.2.3")),
        ("border_crossings", ("S2.2.3",)),
        ("vehicles", ("S2.2.4",)),
        ("hotel_stays", ("S2.2.5",)),
    ],
)
def test_a_refusal_names_the_articles_that_grant_it_to_others(category: str, articles: tuple[str, ...]) -> None:
    assert asked(category, "applicant") == Refused(Rule.ROLE, articles)
    nobody = decide(case(), "resident_id", resident_id(7), Category(category), PURPOSE)
    assert nobody == Refused(Rule.NOT_A_PARTY, articles)


@pytest.mark.parametrize("purpose", ["", "   ", "查 ", "abc"])
def test_S5_1_a_query_without_a_purpose_is_refused(purpose: str) -> None:
    assert decide(case(), "resident_id", ID, Category.IDENTITY, purpose) == Refused(Rule.PURPOSE, ("S5.1",))


def test_a_party_is_known_by_any_of_its_documents_however_written() -> None:
    with_passport = case(party_fields(documents=[{"type": "passport", "number": "E 1234-5678"}]))
    for type_, number in (("resident_id", f" {ID} "), ("passport", "e12345678"), ("other", ID)):
        assert isinstance(decide(with_passport, type_, number, Category.IDENTITY, PURPOSE), Granted)
    assert decide(with_passport, "hk_macau_permit", "E12345678", Category.IDENTITY, PURPOSE)[0] is Rule.NOT_A_PARTY


def test_of_two_roles_the_one_that_grants_it_counts() -> None:
    both = case(party_fields("applicant"), party_fields("preservation_defendant"))
    decision = decide(both, "resident_id", ID, Category.VEHICLES, PURPOSE)
    assert isinstance(decision, Granted)
    assert decision.role is Role.PRESERVATION_DEFENDANT


def test_S2_2_4_an_organisation_has_vehicles_and_nothing_that_a_person_has() -> None:
    of_organisation = case(organisation_fields())
    assert isinstance(decide(of_organisation, ORGANISATION_CODE, CODE, Category.VEHICLES, PURPOSE), Granted)
    for category in set(Category) - {Category.VEHICLES}:
        assert decide(of_organisation, ORGANISATION_CODE, CODE, category, PURPOSE)[0] is Rule.NATURAL_PERSON
    assert decide(of_organisation, "resident_id", CODE, Category.VEHICLES, PURPOSE)[0] is Rule.NOT_A_PARTY
    assert decide(case(), ORGANISATION_CODE, ID, Category.VEHICLES, PURPOSE)[0] is Rule.NOT_A_PARTY


def test_every_rule_has_words() -> None:
    assert set(RULES) == set(Rule)


def names_within(value: Any) -> set[str]:
    """Every name at any depth."""
    if isinstance(value, dict):
        return set(value).union(*(names_within(item) for item in value.values()))
    return set().union(*(names_within(item) for item in value)) if isinstance(value, list) else set()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "number", "secret"]), inner, max_size=3)
    ),
    max_leaves=10,
)
NAMES = st.sampled_from(["name", "photo", "documents", "phone", "person", "secret"])


@given(st.dictionaries(NAMES, json_values, max_size=6), st.sampled_from(list(GRANTS.values())))
def test_what_no_article_lists_is_never_told(record: dict[str, Any], article: Any) -> None:
    for fields in article.fields.values():
        said = filtered(record, fields)
        assert set(said) == {name.partition(".")[0] for name in fields}
        assert "secret" not in names_within(said)
        assert filtered(said, fields) == said
        for item in said.get("documents", ()):
            assert set(item) == {"type", "number"}
