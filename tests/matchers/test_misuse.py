"""Misused identities: a person seen who may be the genuine holder is verified, one who is not is judged as ever."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.documents import canonical_document
from matchers.misuse import told_of
from matchers.subject import Holder, Person
from matchers.verdict import SAYS, Rule, compare_persons
from tests.factory import ID, NAME, person, resident_id

HOLDER_NAME = "李真"
PASSPORT = canonical_document("passport", "E12345678")
SOUGHT = Person((canonical_document("resident_id", ID), PASSPORT), NAME, ("王强",))
BY_PASSPORT = Person((PASSPORT,), NAME)
NAMES = st.sampled_from([None, " ", NAME, "王强", HOLDER_NAME, "李　真", "张三"])
PHONES = st.sampled_from([None, "", "-", "13800000000", "+86 138-0000-0000", "13900000000"])
DOCUMENTS = st.sampled_from(
    [canonical_document("resident_id", ID), canonical_document("resident_id", resident_id(2)), PASSPORT]
)
SEEN = st.builds(lambda document, name, phone: Person((document,), name, phone=phone), DOCUMENTS, NAMES, PHONES)
HOLDERS = st.builds(
    Holder,
    st.lists(NAMES.filter(bool), max_size=2).map(tuple),
    st.lists(DOCUMENTS, max_size=2).map(tuple),
    PHONES,
    st.sampled_from([None, "male", "female"]),
    st.sampled_from([None, dt.date(1949, 12, 31), dt.date(1980, 1, 1)]),
)


def verdict(seen: Person, holder: Holder | None) -> tuple[str, bool]:
    """The certainty, and whether it is for the note's sake."""
    answer = compare_persons(seen, dataclasses.replace(SOUGHT, holder=holder))
    assert answer.matches
    return answer.certainty, SAYS[Rule.MISUSED_IDENTITY] in answer.checks


@pytest.mark.parametrize(
    ("seen", "holder", "doubted"),
    [
        pytest.param(person(), Holder(), True, id="a note that tells nothing of the holder"),
        pytest.param(person(name=None), Holder((HOLDER_NAME,)), True, id="a sighting without a name"),
        pytest.param(person(name=HOLDER_NAME), Holder((HOLDER_NAME,)), True, id="the holder's name"),
        pytest.param(person(name="李·真"), Holder(("李默", HOLDER_NAME)), True, id="a former name of the holder"),
        pytest.param(person(), Holder((NAME,)), True, id="a name that both go by"),
        pytest.param(person(), Holder((HOLDER_NAME,)), False, id="the wanted person's name, which the holder has not"),
        pytest.param(
            dataclasses.replace(person(), phone="+86 138-0000-0000"),
            Holder((HOLDER_NAME,), phone="13800000000"),
            True,
            id="the holder's phone under the wanted person's name",
        ),
        pytest.param(
            dataclasses.replace(person(), phone="13900000000"),
            Holder(phone="13800000000"),
            True,
            id="another phone proves nothing",
        ),
        pytest.param(person(), Holder(documents=SOUGHT.documents[:1]), True, id="the document that both are known by"),
        pytest.param(
            BY_PASSPORT, Holder(documents=SOUGHT.documents[:1]), True, id="a document of a type not known of the holder"
        ),
        pytest.param(
            BY_PASSPORT,
            Holder(documents=(canonical_document("passport", "E2"),)),
            False,
            id="a passport that is not the holder's",
        ),
        pytest.param(person(), Holder(birth_date=dt.date(1949, 12, 31), sex="male"), True, id="birth and sex as in the number"),
        pytest.param(person(), Holder(birth_date=dt.date(1980, 1, 1)), False, id="a birth date that is not the holder's"),
        pytest.param(person(), Holder(sex="female"), False, id="a sex that is not the holder's"),
        pytest.param(BY_PASSPORT, Holder(birth_date=dt.date(1980, 1, 1)), True, id="a passport's number tells no birth date"),
    ],
)
def test_who_may_be_the_holder(seen: Person, holder: Holder, *, doubted: bool) -> None:
    assert verdict(seen, holder) == ("verify" if doubted else "confirmed", doubted)


@given(SEEN, HOLDERS)
def test_the_note_only_ever_adds_its_own_ground(seen: Person, holder: Holder) -> None:
    """What matches, what else is evidence and what else is to be checked are as without the note."""
    plain = compare_persons(seen, SOUGHT)
    noted = compare_persons(seen, dataclasses.replace(SOUGHT, holder=holder))
    assert noted.matches == plain.matches
    assert tuple(piece for piece in noted.evidence if piece.rule is not Rule.MISUSED_IDENTITY) == plain.evidence
    if noted != plain:
        assert noted.matches
        assert noted.certainty == "verify"
        assert noted.checks == (*plain.checks, SAYS[Rule.MISUSED_IDENTITY])


@given(SEEN)
def test_without_a_note_the_grounds_are_the_contracts_and_no_others(seen: Person) -> None:
    answer = compare_persons(seen, SOUGHT)
    doubted = any(piece.rule is Rule.NAME_DIFFERENT for piece in answer.evidence)
    assert answer.certainty == ("verify" if answer.matches and doubted else "confirmed")
    assert Rule.MISUSED_IDENTITY not in {piece.rule for piece in answer.evidence}


@given(SEEN, HOLDERS)
def test_the_evidence_names_what_is_known_of_the_holder_and_holds_none_of_it(seen: Person, holder: Holder) -> None:
    evidence = compare_persons(seen, dataclasses.replace(SOUGHT, holder=holder)).evidence
    for piece in evidence:
        if piece.rule is Rule.MISUSED_IDENTITY:
            assert (piece.on, piece.sighting) == ("identity", None)
            assert piece.order == ("、".join(told_of(holder)) or None)
            assert set(told_of(holder)) <= {"name", "sex", "birth_date", "phone", "documents"}
