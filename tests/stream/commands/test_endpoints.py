"""What `chakong endpoints` tells of an endpoint: the worst that any worker finds, and nothing secret."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest
import redis
from click.testing import CliRunner
from pydantic import SecretStr

from connectors.courts.endpoint import Endpoint
from stream.commands.endpoints import Found, as_object, endpoints
from stream.core.delivery import Reason
from stream.core.health import Health, State
from tests.connectors.courts.cases import SECRET

AT = dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC)
HOOK = Endpoint.of("440106", "https://court.example/hits?token=t0k", SECRET)
DESK = Endpoint(court="440106", level="duty_desk", channel="email", url=SecretStr("mailto:li@court.example"))
ANY = Endpoint.of("*", "https://any.example/", SECRET)
OPEN = Health(State.OPEN, AT, 7, Reason.TIMED_OUT)
HALF = Health(State.HALF_OPEN, AT - dt.timedelta(hours=1), 9, Reason.REFUSED)


@pytest.mark.parametrize(
    ("gone", "resting", "told"),
    [
        ({}, {}, ("closed", None, 0, None, [])),
        ({}, {"w-1": HALF}, ("half_open", HALF.since, 9, "refused", ["w-1"])),
        ({}, {"w-2": HALF, "w-1": OPEN}, ("open", AT, 7, "timed_out", ["w-1", "w-2"])),
        ({HOOK.digest: AT}, {"w-1": OPEN}, ("disabled", AT, 0, "endpoint_gone", ["w-1"])),
        ({DESK.digest: AT}, {}, ("closed", None, 0, None, [])),
    ],
)
def test_the_worst_that_any_worker_finds_is_told(
    gone: dict[str, dt.datetime], resting: dict[str, Health], told: tuple[object, ...]
) -> None:
    found = Found(gone, {worker: {HOOK.digest: health} for worker, health in resting.items()}, {"440106": 3})
    row = as_object(HOOK, found)
    assert tuple(row[name] for name in ("state", "since", "failures", "reason", "workers")) == told
    assert row["hits_waiting"] == 3


def test_hits_wait_for_a_court_s_handler_and_are_not_counted_for_others() -> None:
    found = Found({}, {}, {"440106": 3, "*": 1})
    assert [as_object(endpoint, found)["hits_waiting"] for endpoint in (HOOK, DESK, ANY)] == [3, None, None]


def test_no_secret_and_nobody_s_address_is_told() -> None:
    text = msgspec.json.encode([as_object(endpoint, Found({}, {}, {})) for endpoint in (HOOK, DESK)]).decode()
    for secret in ("t0k", SECRET, "li@", HOOK.digest):
        assert secret not in text
    assert "https://court.example/hits" in text


@pytest.mark.integration
def test_it_asks_the_redis_of_the_deployment(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "endpoints.toml"
    listed.write_text(f'[[endpoint]]\ncourt = "440106"\nurl = "https://court.example/hits?token=t0k"\nsecret = "{SECRET}"\n')
    for name, value in (("KEY_SECRET", "k" * 32), ("REDIS", redis_url), ("COURTS_ENDPOINTS", str(listed))):
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    monkeypatch.setenv("CHAKONG_REDIS_NAMESPACE", "asked")
    with redis.Redis.from_url(redis_url) as client:
        client.hset("asked:endpoints", HOOK.digest, AT.isoformat())
    ran = CliRunner().invoke(endpoints, ["--json"])
    assert ran.exit_code == 0, ran.output
    row = json.loads(ran.output)
    assert (row["court"], row["state"], row["reason"], row["hits_waiting"]) == ("440106", "disabled", "endpoint_gone", 0)


def test_a_redis_that_is_away_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KEY_SECRET", "k" * 32), ("REDIS", "redis://127.0.0.1:1/0")):
        monkeypatch.setenv(f"CHAKONG_{name}", value)
    monkeypatch.delenv("CHAKONG_COURTS_ENDPOINTS", raising=False)
    ran = CliRunner().invoke(endpoints)
    assert ran.exit_code == 2
    assert "chakong endpoints: Redis at 127.0.0.1:1/0 cannot be reached" in ran.output
