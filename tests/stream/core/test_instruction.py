"""What a station is told: the hit's instruction, what to check, whom to call; stable ids; a withdrawal voids it."""

import datetime as dt
import json

import pytest

from stream.core.instruction import StationInstruction, instruct, instruction_id, withdraw
from tests.factory import sighting_fields
from tests.stream.core.hits import AT, hit

LATER = AT + dt.timedelta(minutes=1)


def test_a_station_is_told_what_to_do_what_to_check_and_whom_to_call() -> None:
    told = instruct(hit(), at=AT)
    assert told.key == told.station_code == "440106-H-0012"
    assert (told.sighting_id, told.hit_ids, told.order_ids) == ("1", (hit().id,), ("ZX-1",))
    assert (told.instruction, told.verify_first, told.state) == ("call_court", True, "active")
    assert [words.en for words in told.checks] == ["check the name"]
    assert [(who.name, who.phone, who.court_code) for who in told.call] == [("李法官", "020-00000000", "440106")]
    assert (told.instructed_at, told.expires_at) == (AT, hit().expires_at)


@pytest.mark.parametrize(
    "instruction", ["none", "report_only", "deny_exit", "deny_exit_and_hold_documents", "refuse_registration"]
)
def test_every_instruction_of_the_contract_can_be_given(instruction: str) -> None:
    assert instruct(hit(instruction=instruction), at=AT).instruction == instruction


def test_a_station_is_told_nothing_about_the_person() -> None:
    record = instruct(hit(), at=AT).model_dump_json()
    assert "王伟" not in record
    assert sighting_fields()["person"]["document"]["number"] not in record


def test_the_id_is_the_hit_s_for_ever_and_not_the_hit_id() -> None:
    assert instruct(hit(version=2), at=LATER).id == instruct(hit(), at=AT).id == instruction_id(hit().id)
    assert instruction_id(hit().id) == "8aed752f-7ca1-59a6-8313-c026485dc3e6"


def test_a_withdrawal_is_the_same_instruction_void_and_the_first_one_stands() -> None:
    told = instruct(hit(), at=AT)
    void = withdraw(told, at=LATER)
    assert (void.id, void.key, void.state, void.withdrawn_at) == (told.id, told.key, "withdrawn", LATER)
    assert withdraw(void, at=LATER + dt.timedelta(hours=1)) == void
    assert told.state == "active"


def test_a_record_gives_back_the_instruction() -> None:
    told = withdraw(instruct(hit(), at=AT), at=LATER)
    assert StationInstruction.model_validate(json.loads(told.model_dump_json())) == told
