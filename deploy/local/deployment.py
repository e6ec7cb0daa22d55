"""A deployment on this machine: the secret, the endpoints and the workers that `chakong up` and `chakong demo` run."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Addresses
from deploy.local.process import Process

WORKER_STOP_S = 40.0
_ENDPOINTS = """\
# Where each court's notifications go. For every court:
#
# [[endpoint]]
# court = "440106"                  # "*": every court that has no entry of its own
# url = "https://court.example/hits"
# secret_file = "440106.secret"     # or secret_env = "NAME", or secret = "whsec_..."
"""


@dataclass(frozen=True)
class Deployment:
    """One deployment's files, all in one ignored folder, and its environment."""

    folder: Path
    addresses: Addresses
    topic_prefix: str = ""

    @property
    def secret_file(self) -> Path:
        return self.folder / "key-secret"

    @property
    def endpoints_file(self) -> Path:
        return self.folder / "endpoints.toml"

    def prepare(self) -> None:
        """Make the files that are missing: a random secret, readable by this user alone, and an endpoints file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.secret_file.exists():
            descriptor = os.open(self.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
        if not self.endpoints_file.exists():
            self.endpoints_file.write_text(_ENDPOINTS, "utf-8")

    def environment(self, **more: str) -> dict[str, str]:
        """What a worker of this deployment finds in its environment."""
        return {
            "CHAKONG_REACH_TEST_HOURS": "0",  # nobody answers tests at a stack that lives for minutes
            **os.environ,
            "CHAKONG_KAFKA": self.addresses.kafka,
            "CHAKONG_REDIS": self.addresses.redis,
            "CHAKONG_KAFKA_TOPIC_PREFIX": self.topic_prefix,
            "CHAKONG_REDIS_NAMESPACE": f"{self.topic_prefix}chakong",
            "CHAKONG_KEY_SECRET_FILE": str(self.secret_file),
            "CHAKONG_COURTS_ENDPOINTS": str(self.endpoints_file),
            **more,
        }

    def worker(self, number: int = 1) -> Process:
        """The handle of one worker process; `start_worker` starts it."""
        return Process(f"worker {number}", self.folder / f"worker-{number}", WORKER_STOP_S)

    def start_worker(self, number: int = 1, **more: str) -> Process:
        """Start a worker in a process of its own, which outlives this one. It is found again by its number."""
        worker = self.worker(number)
        if worker.pid() is None:
            own = {"CHAKONG_SNAPSHOTS": str(worker.folder / "snapshots"), **more}
            worker.spawn([sys.executable, "-m", "stream.cli", "worker"], self.environment(**own))
        return worker
