"""Kafka as a local process: one node, broker and controller at once."""

import base64
import os
import string
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.libs import SERVER_CLASS, KafkaLibs
from deploy.local.ports import LOOPBACK
from deploy.local.probe import kafka_silence, wait_for
from deploy.local.process import Process

START_BOUND_S = 90.0
#: A process that runs but is silent (it starts, or hangs) gets this long before it is replaced.
SILENT_BOUND_S = 10.0
PROPERTIES = Path(__file__).with_name("kafka.properties")
HEAP = "CHAKONG_KAFKA_HEAP"


@dataclass(frozen=True)
class KafkaProcess:
    """Kafka from its jars, on the loopback interface only, with its data in `folder`."""

    folder: Path
    libs: KafkaLibs
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def process(self) -> Process:
        return Process("Kafka", self.folder, stop_s=30.0)

    def start(self, report: Report) -> None:
        if self.runs():
            self.process.resume()
            if wait_for(lambda: kafka_silence(self.bootstrap, 1.0), SILENT_BOUND_S) is None:
                return
            self.process.stop()
        self.libs.fetch(report)
        config = self._write_config()
        if not (self._data / "meta.properties").exists():
            report("Formatting Kafka's storage")
            self.libs.run_tool("storage", "format", "--ignore-formatted", "-t", _cluster_id(), "-c", str(config), report=report)
        report(f"Starting Kafka on {self.bootstrap}")
        self.process.spawn(self.libs.java(SERVER_CLASS, str(config), flags=_server_flags(), report=report))
        self.process.wait_until(lambda: kafka_silence(self.bootstrap, 1.0), START_BOUND_S)

    def stop(self) -> bool:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def runs(self) -> bool:
        return self.process.pid() is not None

    def answers(self) -> bool:
        return self.runs() and kafka_silence(self.bootstrap) is None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _write_config(self) -> Path:
        """Written anew at each start: the ports may have changed, and so may our settings."""
        template = string.Template(PROPERTIES.read_text())
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.properties"
        config.write_text(template.substitute(port=self.port, controller_port=self.controller_port, data=self._data.resolve()))
        return config


def _server_flags() -> tuple[str, ...]:
    heap = os.environ.get(HEAP, "1g")
    return (
        "-Xms256m",
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        # A broker that ran out of memory must end, where it is noticed, and not linger half alive.
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
    )


def _cluster_id() -> str:
    """What Kafka calls a Uuid: 16 bytes in URL-safe base 64 that do not start with a dash, as an option would."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
