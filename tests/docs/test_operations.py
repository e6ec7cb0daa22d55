"""docs/operations.md tells settings, topics and metrics as they are in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from pydantic import AliasChoices, SecretStr
from pydantic_settings import BaseSettings

from connectors.audit.settings import AuditSettings
from connectors.courts.settings import CourtsSettings, SmsSettings, SmtpSettings
from connectors.documents.settings import DocumentsSettings
from connectors.door.settings import DoorSettings
from connectors.identity.settings import ClientSettings, OidcSettings
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import topics
from connectors.police.settings import RegistrySettings
from connectors.redis.settings import RedisSettings
from stream import metrics
from stream.settings import IncidentSettings, IntakeSettings, WorkerSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text("utf-8")
HOUR_MS = 3_600_000
PARTS = frozenset({"kafka", "redis", "courts", "smtp", "sms", "incidents"})


def table(heading: str) -> dict[str, list[str]]:
    section = re.search(rf"^## {heading}\n(.*?)^## ", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert section
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in section[1].splitlines() if line[:3] == "| `"
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def variables(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    for name, field in settings.model_fields.items():
        if name in PARTS:
            continue
        alias = field.validation_alias
        own = [str(choice) for choice in alias.choices if str(choice).isupper()] if isinstance(alias, AliasChoices) else []
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "—" if default is None else "()" if default == frozenset() else str(default)
        yield (own or [f"{settings.model_config['env_prefix']}{name}".upper()])[0], shown


def test_every_setting_is_told_with_its_default() -> None:
    parts = (
        WorkerSettings,
        IncidentSettings,
        KafkaSettings,
        RedisSettings,
        CourtsSettings,
        SmtpSettings,
        SmsSettings,
        DoorSettings,
        OidcSettings,
        ClientSettings,
        AuditSettings,
        DocumentsSettings,
        IntakeSettings,
        RegistrySettings,
    )
    real = dict(pair for part in parts for pair in variables(part))
    assert {name: row[0] for name, row in table("Settings").items()} == real


def test_every_topic_is_told_with_its_retention() -> None:
    real = {
        topic.name: "for ever" if topic.retention_ms < 0 else str(topic.retention_ms // HOUR_MS)
        for topic in topics(KafkaSettings.model_construct())
    }
    assert {name: row[1] for name, row in table("Topics").items()} == real


def test_every_metric_is_told_with_its_labels() -> None:
    real = {
        metric.describe()[0].name + ("_total" if isinstance(metric, Counter) else ""): ", ".join(metric._labelnames)
        for metric in vars(metrics).values()
        if isinstance(metric, Counter | Gauge | Histogram)
    }
    assert {name: row[0] for name, row in table("Metrics").items()} == real
