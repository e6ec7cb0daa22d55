"""What a station is told: the strictest that any order asks for, what to check, whom to call; a withdrawal voids it."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.instruction import StationInstruction, instruct, instruction_id
from tests.factory import sighting_fields
from tests.stream.core.hits import AT, hit
from watchlists.overlay import Overlay
from watchlists.policy import Named, Policy

POLICY = Policy.national()
LATER = AT + dt.timedelta(minutes=1)
FROM_STRICTEST = ("deny_exit_and_hold_documents", "deny_exit", "refuse_registration", "call_court", "report_only", "none")


def test_a_station_is_told_what_to_do_what_to_check_and_whom_to_call() -> None:
    told = instruct([hit()], POLICY, at=AT)
    assert told.key == told.station_code == "440106-H-0012"
    assert (told.sighting_id, told.hit_ids, told.order_ids) == ("1", (hit().id,), ("ZX-1",))
    assert (told.instruction, told.verify_first, told.state) == ("call_court", True, "active")
    assert [words.en for words in told.checks] == ["check the name"]
    assert [(who.name, who.phone, who.court_code) for who in told.call] == [("李法官", "020-00000000", "440106")]
    assert (told.instructed_at, told.expires_at) == (AT, hit().expires_at)


@pytest.mark.parametrize("instruction", FROM_STRICTEST)
def test_every_instruction_of_the_contract_can_be_given(instruction: str) -> None:
    assert instruct([hit(instruction=instruction)], POLICY, at=AT).instruction == instruction


def test_S3_1_a_station_is_told_the_courts_liaison_where_its_province_names_one() -> None:
    said = Overlay.model_validate(
        {
            "province": "44",
            "side": "court",
            "narrow": (),
            "liaison": [{"court": "440106", "name": "王联络", "phone": "020-00000001"}],
        }
    )
    policy = POLICY.narrowed([Named("44.court.1", said)])
    courts = ({"code": "440106", "province": "44"}, {"code": "440104", "province": "44"}, {"code": "440106"})
    told = [instruct([hit(court=court)], policy, at=AT).call[0].liaison for court in courts]
    assert [None if one is None else (one.name, one.phone) for one in told] == [("王联络", "020-00000001"), None, None]


def test_a_station_is_told_nothing_about_the_person() -> None:
    record = instruct([hit()], POLICY, at=AT).model_dump_json()
    assert "王伟" not in record
    assert sighting_fields()["person"]["document"]["number"] not in record


def test_the_id_is_the_sighting_s_whichever_order_asks() -> None:
    assert instruct([hit(version=2)], POLICY, at=LATER).id == instruct([hit("ZX-2")], POLICY, at=AT).id == instruction_id(hit())
    assert instruction_id(hit()) == "6825b291-0e13-529e-a3dd-d0b81e469327"
    assert instruction_id(hit(sighting=sighting_fields(id="2"))) != instruction_id(hit())


@given(st.permutations(FROM_STRICTEST), st.integers(1, 6))
def test_of_several_orders_the_strictest_stands_and_all_are_named(instructions: list[str], count: int) -> None:
    hits = [hit(f"ZX-{number}", instruction=asked) for number, asked in enumerate(instructions[:count])]
    told = instruct(hits, POLICY, at=AT)
    assert told.instruction == min(instructions[:count], key=FROM_STRICTEST.index)
    assert set(told.order_ids) == {one.order_id for one in hits}
    assert {who.order_id for who in told.call} == set(told.order_ids)
    assert told == instruct(list(reversed(hits)), POLICY, at=AT)


def test_what_one_order_is_sure_of_needs_no_check_that_another_asks_for() -> None:
    sure = hit("ZX-2", certainty="confirmed", verify_first=False, checks=())
    assert instruct([hit(), sure], POLICY, at=AT).verify_first is False
    assert instruct([hit(), sure], POLICY, at=AT).checks == ()
    milder = hit("ZX-3", instruction="report_only", certainty="confirmed", verify_first=False, checks=())
    assert instruct([hit(), milder], POLICY, at=AT).verify_first is True


@pytest.mark.parametrize(("province", "known"), [("44", "44"), (None, None), (44, None), (["44"], None)])
def test_the_station_s_province_is_what_its_sighting_says(province: object, known: str | None) -> None:
    seen = sighting_fields(station={"code": "440106-H-0012", "province": province})
    assert instruct([hit(sighting=seen)], POLICY, at=AT).station_province == known


def test_a_withdrawal_is_the_same_instruction_void() -> None:
    told, void = instruct([hit()], POLICY, at=AT), instruct([hit()], POLICY, revision=2, withdrawn=True, at=LATER)
    assert (void.id, void.key, void.state, void.withdrawn_at) == (told.id, told.key, "withdrawn", LATER)
    assert void.revision > told.revision


def test_a_record_gives_back_the_instruction() -> None:
    told = instruct([hit()], POLICY, withdrawn=True, at=LATER)
    assert StationInstruction.model_validate(json.loads(told.model_dump_json())) == told
