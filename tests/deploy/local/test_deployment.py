"""A deployment's door and its issuer: opened once, on loopback, and found again to be closed."""

from __future__ import annotations

import json
import socket
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from connectors.kafka.ends import Ends
from connectors.kafka.records import Record, Records
from connectors.kafka.topics import DEADLETTERS, INTAKE, ensure_topics
from deploy.local import deployment as module
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.probe import http_silence
from stream.local import running_processes, settings_of, wipe


def status(url: str, token: str) -> int:
    try:
        request = urllib.request.Request(f"{url}/v1/inbox", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def sample_token(issuer: str, who: str) -> str:
    asked = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": who}).encode()
    with urllib.request.urlopen(f"{issuer}/token", asked, timeout=20) as answer:
        return str(json.load(answer)["access_token"])


def test_S5_1_in_production_there_is_no_issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAKONG_MODE", "production")
    assert Deployment(tmp_path, Addresses("127.0.0.1:1", "redis://127.0.0.1:1/0", "environment")).start_issuer() is None


@pytest.mark.integration
def test_the_intake_runs_once_and_takes_orders(stack: Addresses, topic_prefix: str, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / ".local" / "deployments" / "test", stack, topic_prefix)
    deployment.prepare()
    settings = settings_of(deployment)
    try:
        deployment.start_intake()
        pid = deployment.intake().pid()
        deployment.start_intake()
        assert deployment.intake().pid() == pid
        assert [process.name for process in running_processes(tmp_path)] == ["test intake"]
        ensure_topics(settings.kafka)
        records, ends = Records(settings.kafka, "test"), Ends(settings.kafka)
        records.send([Record(INTAKE, b"a", b"no order")])
        ends_at = time.monotonic() + 40
        while not sum(ends.now(DEADLETTERS).values()):
            assert time.monotonic() < ends_at, deployment.intake().log_tail()
            time.sleep(0.2)
        records.close()
        ends.close()
        deployment.intake().stop()
        assert "Traceback" not in deployment.intake().log.read_text()
        assert running_processes(tmp_path) == []
    finally:
        deployment.intake().stop()
        wipe(settings)


@pytest.mark.integration
def test_the_door_opens_once_for_whoever_has_the_token(
    stack: Addresses, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(module, "DOOR_PORT", taken.getsockname()[1])
    monkeypatch.setattr(module, "ISSUER_PORT", taken.getsockname()[1])
    monkeypatch.setenv("CHAKONG_API_CERTIFICATE", "of another door.pem")
    deployment = Deployment(tmp_path / ".local" / "deployments" / "test", stack, topic_prefix)
    deployment.prepare()
    try:
        issuer = deployment.start_issuer()
        assert issuer is not None
        assert issuer != f"http://127.0.0.1:{module.ISSUER_PORT}"
        assert (deployment.start_issuer(), deployment.issuer_url()) == (issuer, issuer)
        url = deployment.start_door(issuer)
        pid = deployment.door().pid()
        assert url != f"http://127.0.0.1:{module.DOOR_PORT}"
        assert (deployment.start_door(issuer), deployment.door().pid()) == (url, pid)
        token = deployment.token_file.read_text()
        assert stat.S_IMODE(deployment.token_file.stat().st_mode) == 0o600
        assert (status(url, token), status(url, "a" * 64)) == (200, 401)
        assert (status(url, sample_token(issuer, "clerk")), status(url, sample_token(issuer, "handler"))) == (200, 403)
        assert [process.name for process in running_processes(tmp_path)] == ["test door", "test issuer"]
        for process in running_processes(tmp_path):
            process.stop()
        assert http_silence(int(url.rpartition(":")[2]), "/") is not None
        assert running_processes(tmp_path) == []
        assert deployment.issuer_url() is None
    finally:
        deployment.door().stop()
        deployment.issuer().stop()
        taken.close()
        wipe(settings_of(deployment))
