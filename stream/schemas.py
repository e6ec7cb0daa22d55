"""JSON Schemas of the wire, and the documents of its topics and its door: ``python -m stream.schemas [--check]``.

The models that read and write are the one definition. What they say in validators (a seizure names a vehicle, a detention
needs its decision) is said here again in JSON Schema's words, and the tests hold both to the same answers. A schema tells how
to write a message; the engine reads more leniently than that: see each description.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import click
import msgspec
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from connectors.door.app import openapi
from connectors.kafka.deadletters import DeadLetter
from matchers.documents import DOCUMENT_TYPES
from matchers.sighting import SightingMessage
from stream import asyncapi
from stream.core.audit.record import AuditRecord
from stream.core.candidate import Candidate
from stream.core.confirmation import Confirmation
from stream.core.delivery import Receipt
from stream.core.ending import Ending
from stream.core.feeds import CaseRecord, DebtorRecord, DebtorRemoval, JudgmentRecord
from stream.core.hit import Hit
from stream.core.incident_record import IncidentRecord
from stream.core.instruction import StationInstruction
from stream.core.notice import Notice
from stream.core.notification import DATA, Notification
from stream.core.question import Answer, Question
from stream.core.reachability import ReachRecord
from stream.examples import examples
from watchlists.order import REQUIRED_DOCUMENTS, Order, Release
from watchlists.rules import RulesVersion

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
_OBJECT: Final[Schema] = {"type": "object"}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_ORDER_OF_WORDS: Final = ("$schema", "$id", "title", "description", "type", "required", "properties", "allOf")


class _Untitled(GenerateJsonSchema):
    """A field's name is title enough."""

    def field_title_should_be_set(self, schema: CoreSchema | Any) -> bool:  # noqa: ARG002
        return False


def schemas(docs: Path) -> dict[str, Schema]:
    """Every schema of the wire by name, with the examples of the folder ``docs/examples`` and what becomes of them."""
    shown = examples(docs / "examples")
    return {name: _dressed(name, make(), shown[name]) for name, make in MAKERS.items()}


def documents(docs: Path) -> dict[Path, str]:
    """Every generated file and its text."""
    made = schemas(docs)
    files = {docs / "schemas" / f"{name}.json": _text(schema) for name, schema in made.items()}
    return {
        **files,
        docs / "asyncapi.json": _text(asyncapi.document(made)),
        docs / "openapi.json": _text(_plain_words(openapi())),
    }


def stale(docs: Path) -> list[Path]:
    """The generated files that are missing, are not what the models say now, or belong to no message."""
    wanted = documents(docs)
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    return sorted({*differing, *(set((docs / "schemas").glob("*.json")) - wanted.keys())})


def _sighting() -> Schema:
    schema = _of(SightingMessage, "validation")
    schema["allOf"] = [
        {
            "if": _where("kind", "vehicle_inspection"),
            "then": {"required": ["vehicle"], "properties": {"vehicle": _OBJECT}},
            "else": {"required": ["person"], "properties": {"person": _OBJECT}},
        }
    ]
    schema["$defs"]["SeenVehicle"]["anyOf"] = _plate_or_vin()
    schema["$defs"]["SeenDocument"]["properties"]["type"]["examples"] = list(DOCUMENT_TYPES)
    schema["description"] += (
        " Required: the fields named here, and the subject of the kind. The engine carries a wrong value in any other field"
        " with a warning; it never costs a hit. Unknown fields are carried."
    )
    return schema


def _order() -> Schema:
    schema = _of(Order, "validation")
    schema["allOf"] = [_measure(measure, sorted(kinds)) for measure, kinds in REQUIRED_DOCUMENTS.items()]
    schema["$defs"]["NamedVehicle"]["anyOf"] = _plate_or_vin()
    schema["$defs"]["NamedDocument"]["properties"]["type"]["examples"] = list(DOCUMENT_TYPES)
    schema["description"] += " One that is not complete is refused with a reason. Unknown fields are carried."
    return schema


def _measure(measure: str, kinds: list[str]) -> Schema:
    subject = "vehicle" if measure == "vehicle_seizure" else "person"
    then: Schema = {
        "required": [subject],
        "properties": {
            subject: _OBJECT,
            "documents": {"allOf": [{"contains": _where("kind", kind)} for kind in kinds]},
        },
    }
    if measure == "exit_restriction":
        both = {"until": {"type": "string"}, "requirement": {"type": "string"}}
        then["properties"]["control"] = {"required": list(both), "properties": both}
    return {"if": _where("measure", measure), "then": then}


def _notification() -> Schema:
    schema = _of(Notification, "validation")
    schema["required"] = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"]
    schema["properties"]["dataschema"] = dict(_TEXT)
    schema["$defs"] = schema.get("$defs", {})
    schema["allOf"] = []
    for event_type, model in DATA.items():
        data = _of(model, "serialization")
        schema["$defs"] |= data.pop("$defs", {})
        schema["$defs"][model.__name__] = data
        then = {"properties": {"data": {"$ref": f"#/$defs/{model.__name__}"}}}
        schema["allOf"].append({"if": _where("type", event_type), "then": then})
    return schema


def _candidate() -> Schema:
    schema = _of_struct(Candidate)
    schema["properties"]["seen_at"]["format"] = "date-time"
    schema["properties"]["keys"] |= {"minItems": 1, "items": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}
    schema["properties"]["sighting"] = {"type": "object", "description": "the sighting as it was sent"}
    return schema


def _confirmation() -> Schema:
    schema = _of(Confirmation, "validation")
    asks = {"required": ["minutes"], "properties": {"minutes": {"type": "integer"}}}
    none = {"properties": {"minutes": {"type": "null"}}}
    schema["allOf"] = [{"if": _where("answer", "needs_minutes"), "then": asks, "else": none}]
    return schema


def _deadletter() -> Schema:
    schema = _of_struct(DeadLetter)
    schema["properties"]["at"]["format"] = "date-time"
    schema["properties"]["bytes"]["contentEncoding"] = "base64"
    return schema


def _written(model: type[BaseModel]) -> Callable[[], Schema]:
    return lambda: _of(model, "serialization")


MAKERS: Final[dict[str, Callable[[], Schema]]] = {
    "sighting": _sighting,
    "order": _order,
    "release": lambda: _of(Release, "validation"),
    "hit": _written(Hit),
    "instruction": _written(StationInstruction),
    "receipt": _written(Receipt),
    "confirmation": _confirmation,
    "notification": _notification,
    "ending": _written(Ending),
    "notice": _written(Notice),
    "reachability": _written(ReachRecord),
    "incident": _written(IncidentRecord),
    "rules": _written(RulesVersion),
    "candidate": _candidate,
    "case": lambda: _of(CaseRecord, "validation"),
    "debtor": lambda: _of(DebtorRecord, "validation"),
    "debtor_removal": lambda: _of(DebtorRemoval, "validation"),
    "judgment": lambda: _of(JudgmentRecord, "validation"),
    "query": lambda: _of(Question, "validation"),
    "query_answer": lambda: _of(Answer, "validation"),
    "audit": _written(AuditRecord),
    "deadletter": _deadletter,
}


def _of(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> Schema:
    return model.model_json_schema(by_alias=True, schema_generator=_Untitled, mode=mode)


def _of_struct(struct: type[msgspec.Struct]) -> Schema:
    schema: Schema = msgspec.json.schema(struct)["$defs"][struct.__name__]
    return schema


def _where(name: str, value: str) -> Schema:
    return {"required": [name], "properties": {name: {"const": value}}}


def _plate_or_vin() -> list[Schema]:
    return [{"required": [name], "properties": {name: _TEXT}} for name in ("plate", "vin")]


def _dressed(name: str, schema: Schema, shown: list[Any]) -> Schema:
    schema = _plain_words({**schema, "$schema": DIALECT, "$id": f"urn:chakong:schema:{name}:v1"})
    first: Schema = {word: schema[word] for word in _ORDER_OF_WORDS if word in schema}
    return {**first, **{word: value for word, value in schema.items() if word not in first}, "examples": shown}


def _plain_words(schema: Any) -> Any:
    """Docstrings as plain sentences."""
    if isinstance(schema, list):
        return [_plain_words(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: " ".join(value.replace("``", "`").split())
        if word == "description" and isinstance(value, str)
        else _plain_words(value)
        for word, value in schema.items()
    }


def _text(document: Schema) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are not current.")
@click.option("--docs", type=click.Path(path_type=Path, file_okay=False), default=DOCS, help="The folder of the documents.")
def main(docs: Path, *, check: bool) -> None:
    """Write the JSON Schemas of the wire, the AsyncAPI document of its topics and the OpenAPI document of its door."""
    outdated = stale(docs)
    if check:
        for path in outdated:
            click.echo(f"not current: {path.relative_to(docs.parent)}; run python -m stream.schemas", err=True)
        sys.exit(1 if outdated else 0)
    wanted = documents(docs)
    for path in outdated:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()
        click.echo(f"{'written' if path in wanted else 'removed'}: {path.relative_to(docs.parent)}")


if __name__ == "__main__":
    main()
