"""Builds the Kafka Streams contestant: the jars by Maven, the classes by javac, both once for each state of the sources."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.addresses import Report
from deploy.local.errors import ToolError
from deploy.local.jars import Jars, digest
from deploy.local.libs import KAFKA_VERSION
from deploy.local.lock import locked
from deploy.local.tools import JAVA, JAVA_OLDEST, JAVAC, provide
from stream.local import project_root

_HERE: Final = Path(__file__).parent
POM: Final = _HERE / "pom.xml"
SOURCES: Final = tuple(sorted(_HERE.glob("src/chakong/*.java")))
COMPILE_TIMEOUT_S: Final = 300
MAIN: Final = "chakong.Main"
FLAGS: Final = (
    "-Xms1g",
    "-Xmx1g",
    "-Xmn500m",
    "-XX:+UseParallelGC",
    "-XX:+UseTransparentHugePages",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


def command(task: Path, report: Report) -> list[str]:
    """The command that runs the contestant on a task, whose jars and classes are then here."""
    folder = project_root() / ".local" / "kafka-streams"
    jars = Jars(f"Kafka Streams {KAFKA_VERSION}", KAFKA_VERSION, POM, folder / "jars", "kafka-streams-*.jar")
    jars.fetch(report)
    classes = compiled(folder / "classes", jars, report)
    (java,) = provide((JAVA,), report)
    return [java, *FLAGS, "-cp", f"{classes}:{jars.path}/*", MAIN, str(task)]


def compiled(folder: Path, jars: Jars, report: Report) -> Path:
    """The folder of the classes. They appear all at once, as the jars do."""
    classes = folder / digest(POM, *SOURCES)
    with locked(folder / "lock", bound_s=COMPILE_TIMEOUT_S):
        if not classes.is_dir():
            (javac,) = provide((JAVAC,), report)
            draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder))
            try:
                _compile(javac, jars.path, draft)
                draft.rename(classes)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return classes


def _compile(javac: str, jars: Path, into: Path) -> None:
    options = ("--release", str(JAVA_OLDEST), "-encoding", "UTF-8", "-Xlint:all,-processing,-classfile,-try", "-Werror")
    done = subprocess.run(
        [javac, *options, "-cp", f"{jars}/*", "-d", str(into), *map(str, SOURCES)],
        capture_output=True,
        text=True,
        timeout=COMPILE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"javac ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-2000:]}")
