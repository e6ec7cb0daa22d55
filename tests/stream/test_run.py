"""The whole engine on real servers: streamed, killed, starved and cut off, and reconciled against the truth each time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.addresses import Addresses
from deploy.local.process import Process
from deploy.local.stack import Stack
from stream.demo.run import Plan, Report, Run

_SMALL = Plan(orders=1_000, seconds=10, rate=1_500, hit_ratio=0.02, dirtiness=0.2, passage_s=5)


def _run(root: Path, addresses: Addresses, plan: Plan, during: object = None) -> Report:
    """The report of a run; whichever of the run and what is done ``during`` it fails first is what is raised."""

    async def both() -> Report:
        run = Run(root, addresses, plan, lambda _: None)
        async with asyncio.TaskGroup() as group:
            ran = group.create_task(run.run())
            if callable(during):
                group.create_task(during(run))
        return ran.result()

    return asyncio.run(both())


def _assert_clean(report: Report) -> None:
    result = report.result
    assert result.due > 50
    assert (report.traces, result.missed, result.false, result.wrong, result.after_release) == ({}, [], [], [], [])
    assert report.progress.unreadable > 0
    assert report.dead_letters >= report.progress.unreadable


def test_a_stream_with_late_orders_and_releases_reconciles(tmp_path: Path, stack: Addresses) -> None:
    report = _run(tmp_path, stack, _SMALL)
    _assert_clean(report)
    assert report.dead_letters == report.progress.unreadable
    assert report.progress.release_s is not None


def test_two_workers_share_the_stream(tmp_path: Path, stack: Addresses) -> None:
    _assert_clean(_run(tmp_path, stack, Plan(1_000, 10, 1_500, 0.02, 0.2, workers=2, passage_s=5)))


def test_a_third_worker_joins_and_one_leaves_in_mid_stream(tmp_path: Path, stack: Addresses) -> None:
    async def come_and_go(run: Run) -> None:
        await _until_streaming(run, 2_000)
        await run.join()
        await asyncio.sleep(2)
        assert run.progress.sent < 40_000, "the newcomer came when all was over"
        await run.leave()

    _assert_clean(_run(tmp_path, stack, Plan(1_000, 40, 1_000, 0.01, 0.2, workers=2, passage_s=60), come_and_go))


def test_three_kills_in_mid_stream_miss_nothing_and_tell_nothing_under_two_ids(tmp_path: Path, stack: Addresses) -> None:
    report = _run(tmp_path, stack, Plan(1_000, 24, 1_000, 0.02, 0.2, kills=3, passage_s=60))
    _assert_clean(report)
    assert report.progress.kills == 3


async def _until_streaming(run: Run, sent: int) -> None:
    for _ in range(3000):
        if run.progress.sent >= sent:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the stream did not begin")


def test_redis_wiped_and_down_in_mid_stream_loses_nothing(tmp_path: Path, private_stack: Stack) -> None:
    async def cut(run: Run) -> None:
        await _until_streaming(run, 4_000)
        await asyncio.to_thread(private_stack.redis.kill)
        await asyncio.sleep(2)
        await asyncio.to_thread(private_stack.redis.start, lambda _: None)

    found = private_stack.find()
    assert found is not None
    _assert_clean(_run(tmp_path, found, Plan(1_000, 14, 1_000, 0.02, 0.2, passage_s=30), cut))


def test_kafka_frozen_in_mid_stream_loses_nothing(tmp_path: Path, private_stack: Stack) -> None:
    async def freeze(run: Run) -> None:
        await _until_streaming(run, 4_000)
        await asyncio.to_thread(private_stack.kafka.pause)
        await asyncio.sleep(2)
        await asyncio.to_thread(private_stack.kafka.resume)

    found = private_stack.find()
    assert found is not None
    _assert_clean(_run(tmp_path, found, Plan(1_000, 14, 1_000, 0.02, 0.2, passage_s=30), freeze))


def _worker(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    secret = tmp_path / "secret"
    secret.write_text("s" * 32)
    settings = {"CHAKONG_KEY_SECRET_FILE": str(secret), **env}
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", "worker"],
        env={**{k: v for k, v in os.environ.items() if not k.startswith("CHAKONG_")}, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_without_kafka_says_so_in_one_sentence(tmp_path: Path) -> None:
    ended = _worker(tmp_path, CHAKONG_KAFKA="127.0.0.1:1", CHAKONG_REDIS="redis://127.0.0.1:1/0")
    assert ended.returncode == 2
    assert "Kafka does not answer at 127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_without_a_secret_says_what_to_set(tmp_path: Path) -> None:
    ended = _worker(tmp_path, CHAKONG_KEY_SECRET_FILE=str(tmp_path / "absent"))
    assert ended.returncode == 2
    assert "CHAKONG_KEY_SECRET_FILE" in ended.stderr


def test_a_worker_refuses_an_overlay_that_widens(tmp_path: Path) -> None:
    overlay = tmp_path / "44.toml"
    overlay.write_text('province = "44"\nside = "police"\n[[narrow]]\nrule = "hotels_too"\n')
    ended = _worker(tmp_path, CHAKONG_OVERLAYS=f'["{overlay}"]')
    assert ended.returncode == 2
    assert "narrow but never widen" in ended.stderr


def _screening(run: Run) -> Process:
    """A worker that screens."""
    run.deployment.prepare()
    worker = run.deployment.start_worker()
    _within(lambda: worker.log.exists() and '"screening"' in worker.log.read_text())
    return worker


def _within(ask: Callable[[], bool], seconds: float = 90) -> None:
    ends_at = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def _children(pid: int) -> list[Path]:
    return [Path("/proc", child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _screeners(pid: int) -> list[Path]:
    """The other child searches back, and comes and goes with its lease."""
    return [child for child in _children(pid) if b"stream.screener" in (child / "cmdline").read_bytes()]


def test_a_worker_stops_in_good_order(tmp_path: Path, stack: Addresses) -> None:
    worker = _screening(Run(tmp_path, stack, _SMALL, lambda _: None))
    try:
        pid = worker.pid()
        assert pid is not None
        children = _children(pid)
        os.kill(pid, signal.SIGTERM)
        _within(lambda: worker.pid() is None)
        assert not any(child.exists() for child in children)
        assert "Traceback" not in worker.log.read_text()
    finally:
        worker.stop()


def test_a_screener_ends_with_its_worker_and_a_worker_with_its_screener(tmp_path: Path, stack: Addresses) -> None:
    run = Run(tmp_path, stack, _SMALL, lambda _: None)
    worker = _screening(run)
    try:
        pid = worker.pid()
        assert pid is not None
        (screener,) = _screeners(pid)
        os.kill(int(screener.name), signal.SIGKILL)
        _within(lambda: worker.pid() is None)
        worker = _screening(run)
        pid = worker.pid()
        assert pid is not None
        (screener,) = _screeners(pid)
        os.kill(pid, signal.SIGKILL)
        _within(lambda: not screener.exists())
    finally:
        worker.stop()
