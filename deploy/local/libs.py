"""Kafka's own programs: the jars, fetched once by Maven, and what can be run from them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.errors import ToolError
from deploy.local.jars import Jars
from deploy.local.tools import JAVA, provide

KAFKA_VERSION = "4.1.2"
POM = Path(__file__).with_name("kafka-pom.xml")
LOG_CONFIG = Path(__file__).with_name("kafka-log4j2.xml")

SERVER_CLASS = "kafka.Kafka"
#: Kafka's command line tools by the names their scripts have (kafka-topics.sh and so on).
TOOLS = {
    "configs": "kafka.admin.ConfigCommand",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "dump-log": "kafka.tools.DumpLogSegments",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "storage": "kafka.tools.StorageTool",
    "topics": "org.apache.kafka.tools.TopicCommand",
}


@dataclass(frozen=True)
class KafkaLibs:
    """The jars under `folder`, one sub-folder for each state of the pom, so that a change of version cannot mix two."""

    folder: Path

    @property
    def jars(self) -> Path:
        return self._jars.path

    def fetch(self, report: Report) -> None:
        """Have the jars here."""
        self._jars.fetch(report)

    def java(self, main_class: str, *arguments: str, flags: tuple[str, ...], report: Report) -> list[str]:
        """The command that runs `main_class` from the jars."""
        (program,) = provide((JAVA,), report)
        logging = f"-Dlog4j2.configurationFile={LOG_CONFIG}"
        return [program, *flags, logging, "-cp", f"{self.jars}/*", main_class, *arguments]

    def run_tool(self, name: str, *arguments: str, report: Report, timeout_s: float = 60.0) -> str:
        """Run one of `TOOLS` and return what it printed."""
        self.fetch(report)
        flags = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
        command = self.java(TOOLS[name], *arguments, flags=flags, report=report)
        return run(command, f"kafka-{name}", timeout_s)

    @property
    def _jars(self) -> Jars:
        return Jars(f"Kafka {KAFKA_VERSION}", KAFKA_VERSION, POM, self.folder, "kafka_*.jar")


def run(command: list[str], name: str, timeout_s: float) -> str:
    """Run a tool to its end and return its output; `ToolError` carries what it said when it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{name} did not end within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        raise ToolError(f"{name} ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-2000:]}")
    return done.stdout
