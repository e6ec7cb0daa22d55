"""One worker for the tests of this folder; each test has orders, persons and stations of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from connectors.courts.receiver import Receiver
from connectors.courts.signature import new_secret
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from stream.local import settings_of, wait_for_workers, wipe
from tests.stream.engine.running import (
    ANSWER_S,
    ATTEMPT_S,
    GONE,
    GOOD,
    OTHER,
    PULLS,
    RECORDED,
    RETRIED,
    SLOW,
    RecordingCourt,
    Running,
)


@pytest.fixture(scope="package")
def engine(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """It does not search back: what live screening finds is all there is, and each hit comes once."""
    with _running(stack, tmp_path_factory.mktemp("engine"), CHAKONG_LOOKBACK_HOURS="0") as running:
        yield running


@pytest.fixture(scope="package")
def searching(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that searches back."""
    with _running(stack, tmp_path_factory.mktemp("searching")) as running:
        yield running


@pytest.fixture(scope="package")
def testing(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that tests its courts' endpoints once, and expects an answer within some seconds."""
    changes = {"CHAKONG_REACH_TEST_HOURS": "168", "CHAKONG_REACH_ANSWER_HOURS": str(ANSWER_S / 3600)}
    with _running(stack, tmp_path_factory.mktemp("testing"), CHAKONG_LOOKBACK_HOURS="0", **changes) as running:
        yield running


@contextmanager
def _running(stack: Addresses, folder: Path, **changes: str) -> Iterator[Running]:
    prefix = f"engine-{uuid.uuid4().hex[:8]}-"
    deployment = Deployment(folder, stack, prefix)
    deployment.prepare()
    with ExitStack() as cleanup:
        courts = cleanup.enter_context(_receiving())
        recording = cleanup.enter_context(_recording())
        deployment.endpoints_file.with_name("pulls.token").write_text(secrets.token_urlsafe(32))
        pulls = f'[[endpoint]]\ncourt = "{PULLS}"\nchannel = "inbox"\ntoken_file = "pulls.token"\n'
        entries = [courts.entry(court) for court in (GOOD, GONE, SLOW, RETRIED, OTHER)] + [recording.entry(RECORDED), pulls]
        entries.append(courts.entry(OTHER) + 'level = "duty_desk"\n')
        deployment.endpoints_file.write_text("\n".join(entries), "utf-8")
        more = {
            "CHAKONG_COURTS_TOTAL_S": str(ATTEMPT_S),
            "CHAKONG_RETRY_FIRST_S": "0.1",
            "CHAKONG_RETRY_LONGEST_S": "0.4",
            "CHAKONG_EXPECTED_KEYS": "10000",
            **changes,
        }
        worker = deployment.start_worker(**more)
        cleanup.callback(worker.stop)
        wait_for_workers(deployment, [worker], lambda _: None)
        running = Running(deployment, settings_of(deployment), courts, recording)
        cleanup.callback(_wipe, running)
        yield running


@contextmanager
def _receiving() -> Iterator[Receiver]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def started() -> Receiver:
        receiver = Receiver(new_secret(os.urandom(32)))
        await receiver.start()
        return receiver

    receiver = asyncio.run_coroutine_threadsafe(started(), loop).result(10)
    yield receiver
    asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@contextmanager
def _recording() -> Iterator[RecordingCourt]:
    with RecordingCourt() as court:
        court.daemon_threads, court.block_on_close = True, False
        threading.Thread(target=court.serve_forever, args=(0.1,), daemon=True).start()
        yield court
        court.shutdown()


def _wipe(running: Running) -> None:
    """Stop the worker and leave nothing in the shared servers."""
    running.worker.stop()
    running.close()
    wipe(running.settings)
