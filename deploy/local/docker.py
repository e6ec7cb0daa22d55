"""Kafka and Redis in containers, where a Docker engine answers."""

import contextlib
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.errors import StartError, ToolError
from deploy.local.ports import LOOPBACK
from deploy.local.probe import Probe, kafka_silence, redis_silence, wait_for
from deploy.local.state import State

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
ANSWER_TIMEOUT_S = 5
COMMAND_TIMEOUT_S = 60
#: The first start pulls the images.
UP_TIMEOUT_S = 600
START_BOUND_S = 90.0


def engine_answers() -> bool:
    """Whether `docker` is here, its engine answers in time, and it can run compose files."""
    if shutil.which("docker") is None:
        return False
    return all(_succeeds("docker", *ask) for ask in (("info",), ("compose", "version")))


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=ANSWER_TIMEOUT_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass(frozen=True)
class Compose:
    """One compose project: the containers and volumes that belong to one data folder."""

    folder: Path
    state: State

    @property
    def project(self) -> str:
        return "chakong-" + hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:10]

    def run(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run one compose command; `ToolError` carries what it said."""
        env = os.environ | {
            "CHAKONG_KAFKA_PORT": str(self.state.kafka_port),
            "CHAKONG_REDIS_PORT": str(self.state.redis_port),
        }
        command = ["docker", "compose", "-p", self.project, "-f", str(COMPOSE_FILE), *arguments]
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"docker compose {arguments[0]} did not end well: {error}") from error
        if done.returncode != 0:
            raise ToolError(f"docker compose {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
        return done.stdout

    def running(self) -> frozenset[str]:
        """The services whose containers run; none when the engine does not answer."""
        try:
            return frozenset(self.run("ps", "--services", "--status", "running", timeout_s=15).split())
        except ToolError:
            return frozenset()

    def down(self, *, wipe: bool) -> bool:
        """Remove the containers, and with `wipe` their data; whether any was running."""
        ran = bool(self.running())
        self.run("down", *(["--volumes"] if wipe else []))
        return ran

    def kafka_tool(self, name: str, *arguments: str) -> str:
        """One of Kafka's tools, run inside its container, where localhost:19092 is the broker."""
        return self.run("exec", "-T", "kafka", f"/opt/kafka/bin/kafka-{name}.sh", *arguments)


@dataclass(frozen=True)
class DockerServer:
    """One service of the compose project, as a server to start and stop."""

    compose: Compose
    service: str
    probe: Probe

    def start(self, report: Report) -> None:
        report(f"Starting {self.service} in Docker")
        with contextlib.suppress(ToolError):
            self.resume()
        self.compose.run("up", "-d", "--quiet-pull", self.service, timeout_s=UP_TIMEOUT_S)
        if (silence := wait_for(self.probe, START_BOUND_S)) is not None:
            log = self.compose.run("logs", "--no-color", "--tail", "15", self.service)
            raise StartError(f"{self.service} in Docker does not answer ({silence}). The end of its log:\n{log}")

    def stop(self) -> bool:
        ran = self.service in self.compose.running()
        self.compose.run("stop", self.service)
        return ran

    def kill(self) -> None:
        self.compose.run("kill", self.service)

    def pause(self) -> None:
        self.compose.run("pause", self.service)

    def resume(self) -> None:
        self.compose.run("unpause", self.service)

    def runs(self) -> bool:
        return self.service in self.compose.running()

    def answers(self) -> bool:
        return self.probe() is None and self.runs()


def kafka_server(compose: Compose) -> DockerServer:
    return DockerServer(compose, "kafka", lambda: kafka_silence(f"{LOOPBACK}:{compose.state.kafka_port}", 1.0))


def redis_server(compose: Compose) -> DockerServer:
    return DockerServer(compose, "redis", lambda: redis_silence(f"redis://{LOOPBACK}:{compose.state.redis_port}/0"))
