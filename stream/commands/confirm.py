"""``chakong confirm``: a court's answer to a hit, from the command line."""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from typing import Final

import click
from pydantic import ValidationError

from connectors.kafka.errors import KafkaError
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import CONFIRMATIONS, ensure_topics
from deploy.local.errors import StackError
from matchers.wire import reason
from stream.core.confirmation import MEANINGS, Confirmation, confirmation_id
from stream.local import settings_here

WRONG: Final = 2


@click.command()
@click.argument("hit_id", metavar="HIT_ID", type=click.UUID)
@click.option("--court", required=True, metavar="CODE", help="The court that answers.")
@click.option("--answer", required=True, type=click.Choice(sorted(MEANINGS)), help="What it answers.")
@click.option("--minutes", type=int, help="With needs_minutes: how many.")
@click.option("--note", help="Anything the court wants to be on record.")
@click.option("--by", "name", metavar="NAME", help="Who answers.")
@click.option("--key", metavar="TEXT", help="Makes a repeat of this command the same answer.")
def confirm(
    hit_id: uuid.UUID, court: str, answer: str, minutes: int | None, note: str | None, name: str | None, key: str | None
) -> None:
    """Answer a hit for its court. Prints the confirmation's id once it is durable."""
    try:
        confirmation = Confirmation.model_validate(
            {
                "id": confirmation_id(court, str(hit_id), key or str(uuid.uuid4())),
                "hit_id": str(hit_id),
                "at": dt.datetime.now(dt.UTC),
                "by": {"court": court, "name": name},
                "answer": answer,
                "minutes": minutes,
                "note": note,
            }
        )
        _store(confirmation)
    except ValidationError as error:
        _give_up(reason(error), WRONG)
    except (KafkaError, StackError, ValueError) as error:
        _give_up(str(error), 1)
    click.echo(confirmation.id)


def _store(confirmation: Confirmation) -> None:
    """Raises KafkaError or StackError."""
    settings = settings_here().kafka
    ensure_topics(settings)
    records = Records(settings, "chakong-confirm")
    try:
        raw = confirmation.model_dump_json(exclude_none=True).encode()
        records.send([Record(CONFIRMATIONS, confirmation.hit_id.encode(), raw)])
    finally:
        records.close()


def _give_up(why: str, status: int) -> None:
    click.echo(f"chakong confirm: {why}", err=True)
    sys.exit(status)
