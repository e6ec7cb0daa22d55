"""Questions and answers on the wire: ids, what is the same question, and what of an answer is told."""

from __future__ import annotations

import base64

import pytest

from matchers.keys import KeyHasher
from matchers.wire import UnreadableError
from stream.core.fast_query import GRANTS, Category
from stream.core.feeds import Role
from stream.core.question import (
    About,
    Answer,
    Asker,
    Photo,
    SourceSays,
    content_of,
    outcome_of,
    query_id,
    read_answer,
    read_question,
    subject_of,
)
from tests.factory import ID, resident_id
from tests.stream.core.cases import AT, CODE, question

HASHER = KeyHasher(b"a secret of this test")
STAY = {"check_in": None, "check_out": None, "hotel": "旅馆", "address": "1号", "phone": "1160"}


def answer(**changes: object) -> Answer:
    fields = {"query_id": question().id, "answered_at": AT, "court": "440106", "outcome": "complete"}
    return Answer.model_validate(fields | changes)


def test_both_are_read_as_they_were_written() -> None:
    assert read_question(question().model_dump_json(exclude_none=True).encode()) == question()
    photo = Photo(media_type="image/png", data=base64.b64encode(b"\x89PNG"))
    said = answer(records={"hotel_stays": [STAY]}, photo=photo, sources=[SourceSays(source="hotel_stays", outcome="answered")])
    read = read_answer(said.model_dump_json(exclude_none=True).encode())
    assert (read, read.photo and read.photo.data) == (said, b"\x89PNG")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"id": 1}'])
def test_what_is_neither_is_refused(raw: bytes) -> None:
    for read in (read_question, read_answer):
        with pytest.raises(UnreadableError):
            read(raw)


def test_S2_2_5_an_answer_is_cut_to_its_article_again_whatever_came() -> None:
    came = answer(records={"hotel_stays": [STAY | {"companion": "李四", "room": "1203"}], "identity": [{"name": "王伟"}]})
    article = GRANTS[Category.HOTEL_STAYS, Role.JUDGMENT_DEBTOR]
    assert came.told_under(article).records == {"hotel_stays": [STAY]}


def test_S2_2_2_crossings_that_come_for_a_defendant_in_preservation_are_dropped() -> None:
    traveller = {"name": "王伟", "sex": "male", "birth_date": None, "photo": None, "documents": [], "phone": "1160"}
    came = answer(records={"travel_documents": [traveller], "border_crossings": [{"destination": "JPN"}]})
    told = came.told_under(GRANTS[Category.TRAVEL_DOCUMENTS, Role.PRESERVATION_DEFENDANT])
    assert told.records == {"travel_documents": [{name: value for name, value in traveller.items() if name != "phone"}]}


def test_a_question_that_names_another_article_than_the_matrix_has_no_grant() -> None:
    assert question().grant() is not None
    assert question(article="S2.2.4").grant() is None
    assert question(role=Role.PRESERVATION_DEFENDANT).grant() is None


def test_the_same_question_has_the_same_content_and_another_another() -> None:
    contents = {
        content_of(one, HASHER)
        for one in (
            question(),
            question(purpose="另一目的"),
            question(about=About(type="resident_id", number=resident_id(2))),
            question(category=Category.VEHICLES),
        )
    }
    assert len(contents) == 4
    assert content_of(question(asked_at=AT.replace(hour=5)), HASHER) == content_of(question(), HASHER)


def test_a_subject_is_one_however_written_and_tells_nothing_without_the_secret() -> None:
    spaced = question(about=About(type="other", number=f" {ID} "))
    assert subject_of(spaced, HASHER) == subject_of(question(), HASHER)
    assert subject_of(question(), KeyHasher(b"another secret of this")) != subject_of(question(), HASHER)
    of_organisation = question(about=About(type="organisation_code", number=CODE))
    assert subject_of(of_organisation, HASHER) != subject_of(question(about=About(type="other", number=CODE)), HASHER)


def test_ids_are_one_for_a_key_of_a_credential_and_each_attempt_at_a_photo_has_its_own() -> None:
    assert query_id("440106", "a", "k") == query_id("440106", "a", "k")
    assert len({query_id("440106", "a", "k"), query_id("440106", "b", "k"), query_id("440105", "a", "k")}) == 3
    asker = Asker(id="a", credential="c")
    first, second = question().for_photo(0, AT, asker), question().for_photo(1, AT, asker)
    assert (first.asks, first.of, first.about) == ("photo", question().id, question().about)
    assert first.id == question().for_photo(0, AT.replace(hour=7), asker).id
    assert len({first.id, second.id, question().id}) == 3


@pytest.mark.parametrize(
    ("outcomes", "outcome"),
    [
        (["answered"], "complete"),
        (["answered", "answered"], "complete"),
        (["answered", "timed_out"], "partial"),
        (["unavailable", "answered"], "partial"),
        (["timed_out"], "failed"),
        (["timed_out", "unavailable"], "failed"),
    ],
)
def test_what_the_sources_make_of_an_answer(outcomes: list[str], outcome: str) -> None:
    says = [SourceSays.model_validate({"source": "identity", "outcome": one}) for one in outcomes]
    assert outcome_of(says) == outcome
