"""Whatever comes from outside is read, or refused by the reader's own error, which repeats nothing of what was sent.

Two ways to what comes: a good message that is changed as no schema would have it (``tests/mutations.py``), and values made from
the schema itself, or from its opposite. What is read must also survive the first thing that the engine does with it. A longer
run: ``CHAKONG_FUZZ_EXAMPLES=5000``.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
import schemathesis
from fastapi.exceptions import RequestValidationError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from schemathesis import GenerationMode

from connectors.door.answers import Posted as PostedAnswer
from connectors.door.cursors import CursorError, read_cursor, read_listed
from connectors.door.orders import Posted as PostedRelease
from connectors.door.routes.audit import Verification
from connectors.door.routes.debtors import Sought
from connectors.door.routes.explanations import Asked
from connectors.door.routes.incidents import Moved, OpenedByHand
from connectors.door.routes.queries import PostedQuery
from connectors.door.rules import Change
from connectors.kafka.deadletters import DeadLetter
from matchers.sighting import Sighting, read_sighting
from matchers.wire import UnreadableError, unwritable
from stream import asyncapi
from stream.bulk import Position, Rows
from stream.core.audit import record as audit
from stream.core.bulk import COLUMNS
from stream.core.candidate import Candidate
from stream.core.check import CheckError, ExitCheck, VehicleCheck, read_check
from stream.core.confirmation import read_confirmation
from stream.core.delivery import Receipt
from stream.core.ending import Ending
from stream.core.feeds import CaseFacts, DebtorFacts, JudgmentFacts, read_case, read_debtor, read_judgment
from stream.core.hit import Hit
from stream.core.incident_record import read_record as read_incident
from stream.core.instruction import StationInstruction
from stream.core.notice import Notice
from stream.core.notification import Notification
from stream.core.question import read_answer, read_question
from stream.core.reachability import read_record as read_reachability
from stream.core.resolve import resolve
from stream.schemas import DOCS, schemas
from stream.services.resolving import hit_record
from tests.connectors.door.bodies import BODIES
from tests.mutations import CANARY, changed
from tests.stream.core.asked import AT
from tests.stream.core.test_bulk import ROW
from watchlists.glance import glance
from watchlists.order import Order, Release, read_order
from watchlists.policy import Policy
from watchlists.rules import read_version

EXAMPLES: Final = int(os.environ.get("CHAKONG_FUZZ_EXAMPLES", "60"))
BOUNDED: Final = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
SHOWN: Final = schemas(DOCS)
POLICY: Final = Policy.national()


class Reader(NamedTuple):
    """How a message is read, how it is refused, and good ones. ``schema``: its name among the documents of the wire."""

    read: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    good: list[Any]
    schema: str | None = None


def on_topic(name: str, read: Callable[[bytes], object], *refuses: type[Exception]) -> Reader:
    """A record of a topic, by the examples of its schema."""
    return Reader(read, refuses or (UnreadableError,), SHOWN[name]["examples"], name)


def by(model: type[BaseModel]) -> Callable[[bytes], object]:
    """As the engine reads again what it wrote itself. Whoever does so buries what is none, and says nothing of why."""

    def read(raw: bytes) -> BaseModel:
        try:
            return model.model_validate(msgspec.json.decode(raw))
        except (ValueError, RecursionError) as error:
            raise UnreadableError("unreadable", type(error).__name__) from None

    return read


def at_the_door(name: str, model: type[BaseModel], then: Callable[[Any], object] = lambda _: None) -> Reader:
    """A request's body, as FastAPI reads it, and as it is then written to a topic."""
    adapter = TypeAdapter(model)

    def read(raw: bytes) -> object:
        if (wrong := unwritable(raw)) is not None:
            raise UnreadableError("unwritable", wrong)
        try:
            fields = json.loads(raw)
        except ValueError:  # which FastAPI answers for all bodies alike
            raise UnreadableError("not_json", "the body is not JSON") from None
        found = adapter.validate_python(fields)
        written = found.model_dump_json(exclude_none=True).encode()
        then(found)
        return written

    return Reader(read, (ValidationError, CheckError, UnreadableError), [BODIES[name]])


def sighting(raw: bytes) -> Sighting:
    """Read, judged and written as a hit, which is read again: whatever it carries besides costs no hit."""
    seen = read_sighting(raw)
    for hit in resolve(seen, [order for order in ORDERS if set(order.keys()) & set(seen.keys())], POLICY, AT):
        value = hit_record(hit).value
        assert value is not None
        assert Hit.model_validate(msgspec.json.decode(value)).id == hit.id
    return seen


def order(raw: bytes) -> Order | Release:
    """Read by the careful reader and by the quick one, which must say the same."""
    try:
        read = read_order(raw)
    except UnreadableError as error:
        with pytest.raises(UnreadableError, match=error.reason):
            glance(raw)
        raise
    seen = glance(raw)
    assert (seen.id, seen.version, seen.action) == (read.id, read.version, read.action)
    if isinstance(read, Order):
        assert not isinstance(seen, Release)
        assert set(seen.keys()) == set(read.keys())
        read.warnings()
        read.controls(AT)
    return read


ORDERS: Final = [one for raw in SHOWN["order"]["examples"] if isinstance(one := read_order(json.dumps(raw).encode()), Order)]
UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

READERS: Final[dict[str, Reader]] = {
    "sighting": on_topic("sighting", sighting),
    "order": on_topic("order", order),
    "release": on_topic("release", order),
    "confirmation": on_topic("confirmation", read_confirmation),
    "case": on_topic("case", read_case),
    "debtor": on_topic("debtor", read_debtor),
    "debtor_removal": on_topic("debtor_removal", read_debtor),
    "judgment": on_topic("judgment", read_judgment),
    "query": on_topic("query", read_question),
    "query_answer": on_topic("query_answer", read_answer),
    "rules": on_topic("rules", read_version),
    "incident": on_topic("incident", read_incident),
    "reachability": on_topic("reachability", read_reachability),
    "audit": on_topic("audit", audit.read_record, UnreadableError, ValidationError),
    "candidate": on_topic("candidate", msgspec.json.Decoder(Candidate).decode, *UNDECODABLE),
    "hit": on_topic("hit", by(Hit)),
    "receipt": on_topic("receipt", by(Receipt)),
    "ending": on_topic("ending", by(Ending)),
    "notice": on_topic("notice", by(Notice)),
    "instruction": on_topic("instruction", by(StationInstruction)),
    "notification": on_topic("notification", by(Notification))._replace(schema=None),  # which are beyond schemathesis
    "deadletter": on_topic("deadletter", msgspec.json.Decoder(DeadLetter).decode, *UNDECODABLE),
    "an answer": at_the_door("confirm_hit", PostedAnswer),
    "a release": at_the_door("release_order", PostedRelease),
    "a case": at_the_door("put_case", CaseFacts),
    "a debtor": at_the_door("put_debtor", DebtorFacts),
    "whose entries": at_the_door("find_debtors", Sought),
    "a judgment": at_the_door("put_judgment", JudgmentFacts),
    "a question": at_the_door("ask_registry", PostedQuery),
    "a check of a vehicle": at_the_door("check_vehicle", VehicleCheck, lambda asked: read_check(asked, AT)),
    "a check of an exit": at_the_door("check_exit", ExitCheck, lambda asked: read_check(asked, AT)),
    "an incident": at_the_door("open_incident", OpenedByHand),
    "a step": at_the_door("move_incident", Moved),
    "a change of rules": at_the_door("change_court_rules", Change),
    "a verification": at_the_door("verify_audit", Verification),
    "a sighting to explain": at_the_door("explain_sighting", Asked),
}
"""Every reader of what comes from outside. A new one is one line."""


def take(reader: Reader, raw: bytes) -> None:
    """Read, or refused as its module says, with nothing of what was sent."""
    try:
        reader.read(raw)
    except reader.refuses as refusal:
        said = " ".join(_words(refusal))
        assert said
        assert CANARY not in said, said


def _words(refusal: Exception) -> list[str]:
    """What of a refusal may leave: for a ``ValidationError`` what the door and ``reason`` say of it."""
    if isinstance(refusal, ValidationError):
        return [error["msg"] for error in RequestValidationError(refusal.errors()).errors()]
    return [str(refusal)]


@pytest.mark.parametrize("name", READERS)
def test_a_good_one_is_read(name: str) -> None:
    reader = READERS[name]
    assert reader.good
    for good in reader.good:
        reader.read(json.dumps(good, ensure_ascii=False).encode())


@pytest.mark.parametrize("name", READERS)
def test_a_good_one_gone_wrong_is_read_or_refused_without_a_word_of_it(name: str) -> None:
    reader = READERS[name]

    @BOUNDED
    @given(st.sampled_from(reader.good).flatmap(changed))
    def holds(raw: bytes) -> None:
        take(reader, raw)

    holds()


def _operation(name: str) -> Any:
    """An operation that takes such a message, for whoever makes values from a schema."""
    of_name = {key: value for key, value in PARTS.items() if key == name or key.startswith(f"{name}.")}
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    taking = {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": "read"}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {"/": {"post": taking}},
        "components": {"schemas": of_name},
    }
    return schemathesis.openapi.from_dict(document)["/"]["POST"]


PARTS: Final = asyncapi.document(SHOWN)["components"]["schemas"]


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.schema])
def test_what_a_schema_allows_or_forbids_is_read_or_refused(name: str, mode: GenerationMode) -> None:
    reader = READERS[name]

    @settings(BOUNDED, max_examples=max(EXAMPLES // 4, 1))
    @given(_operation(name).as_strategy(mode))
    def holds(case: Any) -> None:
        take(reader, json.dumps(case.body, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))

    holds()


def table(cells: dict[str, str]) -> bytes:
    """A CSV file of one row."""
    text = io.StringIO()
    csv.writer(text).writerows([cells.keys(), cells.values()])
    return text.getvalue().encode("utf-8", "surrogatepass")


CELLS: Final = st.sampled_from(
    ("", CANARY, f"{CANARY}\x00", f'"{CANARY}', f"{CANARY}\n,", "\ud800", "９９", "9" * 5000, ":;:", ";")
)


def test_a_row_of_a_table_gone_wrong_is_an_order_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"

    @BOUNDED
    @given(
        st.dictionaries(st.sampled_from(sorted(COLUMNS)), CELLS | st.text(max_size=20), max_size=4),
        st.integers(0, 40),
        st.sampled_from((b"", b"\xff", b'"', b"\x00", b"\r", b",,,")),
    )
    def holds(changes: dict[str, str], at: int, damage: bytes) -> None:
        head, _, body = table(ROW | changes).partition(b"\n")
        path.write_bytes(head + b"\n" + body[:at] + damage + body[at:])
        for row in Rows(path, Position()):
            if row.wrong is None:
                take(Reader(order, (UnreadableError,), []), row.raw)
            else:
                assert CANARY not in str(row.wrong)

    holds()


@BOUNDED
@given(
    st.text() | st.binary().map(lambda raw: "v1." + raw.hex()) | st.from_regex(r"(v1\.[A-Za-z0-9_-]*|i1\.[0-9]*\.[0-9a-f-]*)")
)
def test_a_cursor_is_one_or_is_refused(text: str) -> None:
    for read in (read_cursor, read_listed):
        with suppress(CursorError):
            read(text)
