"""``chakong incidents``: list, show, open and resolve, against a real Kafka and a real Redis."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from connectors.door.incidents import document
from connectors.kafka.settings import KafkaSettings
from connectors.redis.client import connect
from connectors.redis.incidents import IncidentsView
from connectors.redis.settings import RedisSettings
from stream.commands import incidents as command
from stream.commands.incidents import incidents
from stream.core.incident_due import Limits
from stream.core.incident_life import incident_of
from stream.services.rebuilding import rebuild_incidents
from tests.stream.core.incidents import at, first, hand, taken

Run = Callable[..., Result]


@pytest.fixture
def run(kafka: str, redis_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command, and let what it stored reach the view, as workers do."""
    for name, value in (
        ("KAFKA", kafka),
        ("KAFKA_TOPIC_PREFIX", topic_prefix),
        ("KAFKA_PARTITIONS", "1"),
        ("KAFKA_SIGHTING_PARTITIONS", "1"),
        ("REDIS", redis_url),
        ("REDIS_NAMESPACE", topic_prefix),
        ("KEY_SECRET", "0123456789abcdef"),
    ):
        monkeypatch.setenv(f"CHAKONG_{name}", value)

    async def follow() -> None:
        async with connect(RedisSettings(url=SecretStr(redis_url))) as client:
            await rebuild_incidents(KafkaSettings(), IncidentsView(client, topic_prefix))

    def ran(*arguments: str) -> Result:
        result = CliRunner().invoke(incidents, arguments)
        asyncio.run(follow())
        return result

    return ran


def test_S4_5_an_incident_is_opened_shown_and_resolved(run: Run) -> None:
    opened = run("open", "--about", "line", "--zh", "专线中断", "--province", "44", "--key", "k")
    assert opened.exit_code == 0, opened.output
    id_ = opened.stdout.strip()
    assert run("open", "--about", "line", "--zh", "专线中断", "--province", "44", "--key", "k").stdout.strip() == id_
    (listed,) = [json.loads(line) for line in run("list").stdout.splitlines()]
    assert (listed["id"], listed["kind"], listed["province"], listed["state"]) == (id_, "by_hand", "44", "open")
    assert run("resolve", id_, "--note", "已抢修").exit_code == 0
    assert run("list").stdout == run().stdout == ""
    shown = json.loads(run("show", id_).stdout)
    assert [(step["step"], step["note"]) for step in shown["steps"]] == [("opened", None), ("resolved", "已抢修")]
    assert {step["by"]["id"] for step in shown["steps"]} == {"operator"}


def test_what_is_not_there_or_not_said_is_an_error(run: Run) -> None:
    for arguments, code in (
        (("show", str(uuid.uuid4())), 1),
        (("resolve", str(uuid.uuid4())), 1),
        (("open", "--about", "line"), 2),
    ):
        result = run(*arguments)
        assert result.exit_code == code
        assert result.stderr


def test_S4_5_the_table_shows_who_knows_and_what_is_overdue(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    incident = incident_of([first(), taken("opened", "court", "national_command", 1), hand("acknowledged", 2)])
    assert incident is not None
    row = document(incident, at(25), Limits(escalate=dt.timedelta(hours=4)))
    command._print([row])
    command._print_steps(row)
    command._print([])
    printed = "".join(capsys.readouterr().out.split())
    for said in ("acknowledged", "tobetold", "not_noticed", "chakong-screen", "https://side.example/news", "没有异常"):
        assert said in printed, said
