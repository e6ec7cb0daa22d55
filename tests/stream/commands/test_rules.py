"""``chakong rules``: what an overlay would widen, and what counts in a province of a running engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.kafka.records import Record, Records
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import RULES, ensure_topics
from stream.commands.rules import rules
from tests.watchlists.versions import version


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        ('province = "33"\nside = "police"\n[[narrow]]\nrule = "return"', 0, "narrows only  33 police: narrow"),
        ('province = "33"\nside = "court"\nnarrow = []\ngroup_minutes = 999', 1, "widens  group_minutes: longer"),
        ('province = "33"\nside = "police"\nnarrow = []\nescalation = []', 1, "widens  escalation: not the police side's"),
        ('province = "33"\nside = "police"', 2, "narrow: Field required"),
    ],
)
def test_S5_3_an_overlay_is_checked_without_a_server(tmp_path: Path, text: str, status: int, says: str) -> None:
    (tmp_path / "33.toml").write_text(text, "utf-8")
    ran = CliRunner().invoke(rules, ["check", str(tmp_path / "33.toml")])
    assert (ran.exit_code, says in ran.output) == (status, True), ran.output


def test_S5_3_what_counts_and_what_was_is_shown_of_the_log(
    kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"KAFKA": kafka, "KAFKA_TOPIC_PREFIX": topic_prefix, "KAFKA_PARTITIONS": "1", "KEY_SECRET": "a secret of its own"}
    for name, value in here.items():
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    settings = KafkaSettings()
    ensure_topics(settings)
    records = Records(settings, "test")
    records.send(
        [
            Record(RULES, b"44", one.model_dump_json().encode())
            for one in (version(1, group_minutes=5), version(2, group_minutes=6), version(1, "police"))
        ]
    )
    records.close()
    run = CliRunner()
    shown = json.loads(run.invoke(rules, ["show", "44", "--at", "2099-01-01T00:00:00+0000"]).output)
    assert shown["effective"]["version"].endswith("+44.court.2+44.police.1")
    was = [json.loads(line) for line in run.invoke(rules, ["history", "44"]).output.splitlines()]
    assert [(one["side"], one["version"]) for one in was] == [("court", 1), ("court", 2), ("police", 1)]
