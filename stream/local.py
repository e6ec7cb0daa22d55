"""What the commands that run a deployment on this machine share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kafka import KafkaAdminClient

import deploy
from connectors.documents.settings import DocumentsSettings
from connectors.kafka.topics import topics
from connectors.redis.client import connect
from connectors.redis.keyspace import delete_all
from connectors.redis.leases import Leases, LeaseState
from deploy.local import stack
from deploy.local.addresses import Addresses
from deploy.local.deployment import Deployment
from deploy.local.errors import StackError, StartError
from deploy.local.process import Process
from stream.settings import WorkerSettings

WORKERS_START_S: Final = 120.0
_POLL_S: Final = 0.1


def project_root() -> Path:
    """The checkout that this is run from, else the current folder: where the ignored folder ``.local`` is."""
    checkout = Path(str(deploy.__file__)).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def deployment_of(root: Path, addresses: Addresses, name: str = "up", topic_prefix: str = "") -> Deployment:
    return Deployment(root / ".local" / "deployments" / name, addresses, topic_prefix)


def running_processes(root: Path) -> list[Process]:
    """Doors, issuers, intakes, registries and workers of any deployment here that are alive."""
    deployments = root / ".local" / "deployments"
    names = ("door", "issuer", "intake", "registry", "worker-*")
    folders = [path for name in names for path in sorted(deployments.glob(f"*/{name}"))]
    processes = [Process(f"{folder.parent.name} {folder.name}", folder, stop_s=40.0) for folder in folders]
    return [process for process in processes if process.pid() is not None]


def settings_of(deployment: Deployment) -> WorkerSettings:
    """The settings that a worker of this deployment has, for a command that talks to the same servers."""
    with _environment_of(deployment):
        return WorkerSettings()


@contextmanager
def _environment_of(deployment: Deployment) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({name: value for name, value in deployment.environment().items() if name.startswith("CHAKONG_")})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def settings_here() -> WorkerSettings:
    """The settings in the environment, where a deployment's secret is there; else those of what `chakong up` runs here.

    Raises:
        StackError: neither is there.
    """
    if _environment_has_a_deployment():
        return WorkerSettings()
    root = project_root()
    addresses = stack.find(root)
    if addresses is None:
        raise StackError("nothing runs here: start it with `chakong up`, or set the environment of a worker")
    return settings_of(deployment_of(root, addresses))


def _environment_has_a_deployment() -> bool:
    return any(os.environ.get(name) for name in ("CHAKONG_KEY_SECRET_FILE", "CHAKONG_KEY_SECRET"))


def documents_here() -> DocumentsSettings:
    """Where documents are kept and whose seals are trusted: as the environment says, else as `chakong up` runs here."""
    settings = DocumentsSettings()
    root = project_root()
    addresses = None if settings.are_kept or _environment_has_a_deployment() else stack.find(root)
    if addresses is None:
        return settings
    with _environment_of(deployment_of(root, addresses)):
        return DocumentsSettings()


def wait_for_workers(deployment: Deployment, workers: Sequence[Process], report: Callable[[str], None]) -> None:
    """Return when every worker holds a lease and screens.

    Raises:
        StartError: one ended or did not screen in time; the text holds the end of its log.
    """
    if not workers:
        return
    report(f"Waiting for {len(workers)} worker(s) to screen")
    ends_at = time.monotonic() + WORKERS_START_S
    while time.monotonic() < ends_at:
        for worker in workers:
            if worker.pid() is None:
                raise StartError(f"{worker.name} ended while starting.{worker.log_tail()}")
        leases = asyncio.run(_leases(settings_of(deployment)))
        if sum(lease.state == "screening" for lease in leases.values()) >= len(workers):
            return
        time.sleep(_POLL_S)
    raise StartError(f"{workers[0].name} did not begin to screen within {WORKERS_START_S:.0f} s.{workers[0].log_tail()}")


async def _leases(settings: WorkerSettings) -> dict[str, LeaseState]:
    client = connect(settings.redis)
    try:
        return await Leases(client, settings.redis.namespace).live()
    finally:
        await client.aclose()


def wipe(settings: WorkerSettings) -> None:
    """Delete a deployment's topics and views: a demo, a benchmark and a test leave nothing in the servers they used."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        admin.delete_topics([topic.name for topic in topics(settings.kafka)])
    finally:
        admin.close()
    asyncio.run(_unlink(settings))


async def _unlink(settings: WorkerSettings) -> None:
    client = connect(settings.redis)
    try:
        await delete_all(client, settings.redis.namespace)
    finally:
        await client.aclose()
