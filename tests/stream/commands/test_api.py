"""``chakong api`` as a process of its own, ``chakong confirm`` beside it, and what neither of them starts with."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from connectors.kafka.records import Records
from connectors.kafka.settings import KafkaSettings
from connectors.redis.ledger import RedisLedger
from deploy.local.addresses import Addresses
from deploy.local.deployment import write_audit_key
from stream.core.confirmation import confirmation_id
from stream.core.delivery import Reason, Receipt
from stream.services.instructing import facts_of
from stream.services.resolving import hit_record
from tests.stream.core.confirmations import HIT
from tests.stream.core.hits import AT, hit

TOKEN = "a-token-of-this-test-" * 2
STARTS_S = 40.0
Environment = dict[str, str]


def chakong(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(stack: Addresses, topic_prefix: str, tmp_path: Path) -> Environment:
    (tmp_path / "tokens.toml").write_text('[[token]]\ncourt = "440106"\ntoken_env = "TOKEN"\ninbox = true\n')
    write_audit_key(tmp_path / "audit.pem", tmp_path / "audit.pub.pem")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CHAKONG_")}
    return ours | {
        "CHAKONG_KEY_SECRET": "a secret of this test's own",
        "CHAKONG_KAFKA": stack.kafka,
        "CHAKONG_REDIS": stack.redis,
        "CHAKONG_KAFKA_TOPIC_PREFIX": topic_prefix,
        "CHAKONG_REDIS_NAMESPACE": topic_prefix,
        "CHAKONG_KAFKA_PARTITIONS": "1",
        "CHAKONG_KAFKA_SIGHTING_PARTITIONS": "1",
        "CHAKONG_API_TOKENS": str(tmp_path / "tokens.toml"),
        "CHAKONG_API_PORT": str(free_port()),
        "CHAKONG_API_METRICS_PORT": str(free_port()),
        "CHAKONG_AUDIT_KEY_FILE": str(tmp_path / "audit.pem"),
        "TOKEN": TOKEN,
    }


@pytest.fixture
def certified(environment: Environment, tmp_path: Path) -> Environment:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=door.test"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    environment |= {"CHAKONG_API_CERTIFICATE": str(certificate), "CHAKONG_API_CERTIFICATE_KEY": str(key)}
    return environment


@pytest.fixture
def door(environment: Environment, tmp_path: Path) -> Iterator[str]:
    scheme = "https" if "CHAKONG_API_CERTIFICATE" in environment else "http"
    url = f"{scheme}://127.0.0.1:{environment['CHAKONG_API_PORT']}"
    with (tmp_path / "api.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "stream.cli", "api"], env=environment, stderr=log)
        ends_at = time.monotonic() + STARTS_S
        while ask(url)[0] == 0:
            assert process.poll() is None, (tmp_path / "api.log").read_text()
            assert time.monotonic() < ends_at, (tmp_path / "api.log").read_text()
            time.sleep(0.2)
        yield url
        process.terminate()
        assert process.wait(20) in (0, -15)


def ask(url: str, path: str = "/v1/inbox", content: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    """Status and body; status 0 while nobody listens."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "k-1"}
    data = None if content is None else json.dumps(content).encode()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        request = urllib.request.Request(url + path, data, headers)
        with urllib.request.urlopen(request, timeout=20, context=trusting) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


async def tell_the_ledger(environment: Environment, court: str, hit_id: str = HIT) -> None:
    """A hit of this court's was told."""
    told = hit(id=hit_id, court={"code": court})
    kafka = KafkaSettings(bootstrap=environment["CHAKONG_KAFKA"], topic_prefix=environment["CHAKONG_KAFKA_TOPIC_PREFIX"])
    records = Records(kafka, "test-api")
    (place,) = await records.send_soon([hit_record(told)])
    await asyncio.to_thread(records.close)
    async with redis.asyncio.Redis.from_url(environment["CHAKONG_REDIS"]) as client:
        receipt = Receipt(
            hit_id=hit_id,
            order_id=told.order_id,
            order_version=1,
            at=AT,
            step="planned",
            outcome=Reason.NEW,
            facts=facts_of(told, place),
        )
        ledger = RedisLedger(client, environment["CHAKONG_REDIS_NAMESPACE"])
        await ledger.mark_whole()
        await ledger.record([receipt])


def test_the_door_opens_takes_an_answer_and_logs_no_more_than_it_may(
    door: str, environment: Environment, tmp_path: Path
) -> None:
    assert ask(door, "/v1/inbox") == (200, {"events": [], "next": "v1.eyIwIjowfQ", "more": False})
    answer = {"answer": "executed", "by": {"name": "王伟"}}
    asyncio.run(tell_the_ledger(environment, "440106"))
    unknown, foreign = HIT.replace("9", "8"), HIT.replace("9", "7")
    asyncio.run(tell_the_ledger(environment, "440107", foreign))
    for other in (unknown, foreign):
        assert ask(door, f"/v1/hits/{other}/confirmations", answer)[0] == 404
    status, taken = ask(door, f"/v1/hits/{HIT}/confirmations", answer)
    assert (status, taken["id"]) == (202, confirmation_id("440106", HIT, "k-1"))
    assert ask(door, token="a" * 40)[0] == 401
    confirmed = chakong(environment, "confirm", HIT, "--court", "440106", "--answer", "needs_minutes", "--minutes", "20")
    assert re.fullmatch(r"[0-9a-f-]{36}\n", confirmed.stdout), confirmed.stderr
    written = (tmp_path / "api.log").read_text()
    lines = [json.loads(line) for line in written.splitlines() if '"request"' in line]
    assert {(line.get("operation"), line.get("court"), line["status"]) for line in lines} == {
        ("fetch_inbox", "440106", 200),
        ("confirm_hit", "440106", 404),
        ("confirm_hit", "440106", 202),
        ("fetch_inbox", None, 401),
    }
    assert "王伟" not in written


def test_its_metrics_tell_of_routes_and_of_nobody(door: str, environment: Environment) -> None:
    asyncio.run(tell_the_ledger(environment, "440304", "another"))
    assert ask(door, "/v1/inbox?limit=5")[0] == 200
    assert ask(door, f"/v1/hits/{HIT}/confirmations", {"answer": "executed"})[0] == 404
    assert ask(door, f"/v1/nothing/{HIT}")[0] == 404
    url = f"http://127.0.0.1:{environment['CHAKONG_API_METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=20) as answer:
        shown = answer.read().decode()
    assert re.search(r'^chakong_door_requests_total\{route="/v1/inbox",status="200"\} [1-9]', shown, re.MULTILINE)
    for route, status in (("/v1/hits/{hit_id}/confirmations", "404"), ("none", "404")):
        assert f'chakong_door_requests_total{{route="{route}",status="{status}"}} 1.0' in shown
    assert 'chakong_door_request_seconds_count{route="/v1/inbox"}' in shown
    assert "chakong_door_process_resident_memory_bytes" in shown
    for secret in (HIT, TOKEN, "440106", "nothing"):
        assert secret not in shown


def test_it_speaks_tls(certified: Environment, door: str) -> None:
    assert door.startswith("https:")
    assert ask(door)[0] == 200
    assert ask(door.replace("https:", "http:"))[0] == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"TOKEN": ""}, "token 1: token_env: TOKEN is not set"),
        ({"CHAKONG_API_TOKENS": ""}, "nobody has a token"),
        ({"CHAKONG_API_HOST": "0.0.0.0"}, "beyond loopback the door needs CHAKONG_API_CERTIFICATE"),
        ({"CHAKONG_API_CERTIFICATE": "x.pem"}, "CHAKONG_API_CERTIFICATE and CHAKONG_API_CERTIFICATE_KEY belong together"),
        (
            {"CHAKONG_API_CERTIFICATE": "none.pem", "CHAKONG_API_CERTIFICATE_KEY": "none.key"},
            "CHAKONG_API_CERTIFICATE: none.pem: No such file",
        ),
        ({"CHAKONG_AUDIT_KEY_FILE": ""}, "CHAKONG_AUDIT_KEY_FILE is not set"),
        ({"CHAKONG_AUDIT_KEY_FILE": "none.pem"}, "none.pem: No such file"),
        ({"CHAKONG_KAFKA": "127.0.0.1:1"}, "Kafka does not answer at 127.0.0.1:1"),
    ],
)
def test_what_it_does_not_open_with_is_said(environment: Environment, changes: Environment, says: str) -> None:
    ended = chakong({name: value for name, value in (environment | changes).items() if value}, "api")
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--answer", "needs_minutes"], "minutes are given with needs_minutes"),
        (["--answer", "executed", "--minutes", "5"], "minutes are given with needs_minutes"),
        (["--answer", "executed", "--court", ""], "by.court: "),
        (["--answer", "perhaps"], "Invalid value for '--answer'"),
    ],
)
def test_an_answer_that_is_none_is_not_stored(arguments: Sequence[str], says: str) -> None:
    ended = chakong(dict(os.environ), "confirm", HIT, "--court", "440106", *arguments)
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr
