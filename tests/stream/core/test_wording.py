"""What people read names the case and what is asked, never the person, and short messages keep to their length."""

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.core.notification import Addressee, Notification, ReachabilityTest, reachability_test
from stream.core.wording import SMS_PART_UNITS, SMS_SINGLE_UNITS, letter, parts_of, short_text

NAME, NUMBER = "王伟", "11010519491231002X"


def notification(**data: Any) -> Notification:
    given = {
        "measure": "judicial_detention",
        "case_number": "(2026)粤0106执1234号",
        "instruction": "call_court",
        "evidence": [{"sighting": NUMBER, "order": NUMBER}],
        "sighting": {"person": {"name": NAME, "document": {"number": NUMBER}}},
    }
    event = "5b6f3c0e-0000-5000-8000-000000000001"
    moment = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    return Notification(id=event, type="chakong.hit.v1", subject=event, time=moment, data={**given, **data})


def test_a_letter_says_it_in_both_languages_and_names_nobody() -> None:
    subject, text = letter(notification())
    assert subject == "【查控】发现查控对象 Chakong hit 5b6f3c0e-0000-5000-8000-000000000001"
    for said in (
        "措施：司法拘留",
        "Measure: judicial detention",
        "案号：(2026)粤0106执1234号",
        "Asked of the station: call the court",
    ):
        assert said in text
    for private in (NAME, NUMBER):
        assert private not in subject + text


def test_a_short_message_says_what_counts() -> None:
    text = short_text(notification(), 3)
    assert text == "【查控】发现查控对象，措施司法拘留，案号(2026)粤0106执1234号，编号5b6f3c0e。请登录系统查看并回复。"
    assert parts_of(text) == 1


def test_whoever_is_tested_is_told_what_to_answer_and_until_when() -> None:
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    test_id = "5b6f3c0e-0000-5000-8000-000000000001"
    news = reachability_test(
        ReachabilityTest(test_id=test_id, court=Addressee(code="440106"), level="handler", channel="sms", answer_by=at), at=at
    )
    text = short_text(news, 1)
    assert text == f"【查控】通联测试，编号{test_id}。请登录系统查看并回复。"
    assert parts_of(text) == 1
    assert f"测试编号：{test_id}" in letter(news).text
    assert "Answer by: 2026-11-24T00:00:00Z" in letter(news).text


@given(case=st.text(max_size=400), parts_max=st.integers(1, 5))
def test_a_short_message_keeps_to_its_parts_and_names_nobody(case: str, parts_max: int) -> None:
    text = short_text(notification(case_number=case.replace(NAME, "").replace(NUMBER, "")), parts_max)
    assert 1 <= parts_of(text) <= parts_max
    assert NAME not in text
    assert NUMBER not in text


def test_the_length_of_a_part_counts_utf16_units() -> None:
    for text, parts in [
        ("法" * SMS_SINGLE_UNITS, 1),
        ("法" * (SMS_SINGLE_UNITS + 1), 2),
        ("法" * (2 * SMS_PART_UNITS), 2),
        ("法" * (2 * SMS_PART_UNITS + 1), 3),
        ("𠀀" * 35, 1),
        ("𠀀" * 36, 2),
    ]:
        assert parts_of(text) == parts
