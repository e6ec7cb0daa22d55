"""The programs that local servers need: found, installed when root, otherwise named in one sentence."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.errors import MissingToolError

JAVA_OLDEST = 17
INSTALL_TIMEOUT_S = 900


def _on_path(command: str) -> Callable[[], str | None]:
    return lambda: shutil.which(command)


def _java() -> str | None:
    """A Java that Kafka 4 runs on. The first on the path may be an older one than what is installed beside it."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home, "bin/java")] if home else []
    candidates += [Path(found)] if (found := shutil.which("java")) else []
    candidates += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    return next((str(path) for path in candidates if _java_version(path) >= JAVA_OLDEST), None)


def _javac() -> str | None:
    """The compiler of that Java, or one on the path: a Java that only runs programs has none beside it."""
    java = _java()
    beside = Path(java).resolve().with_name("javac") if java else None
    return str(beside) if beside and beside.exists() else shutil.which("javac")


def _java_version(java: Path) -> int:
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found.group(1)) if found else 0


def _postgres() -> str | None:
    """The newest server of the package, which puts none on the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return str(installed[-1]) if installed else shutil.which("postgres")


@dataclass(frozen=True)
class Tool:
    """A program, how to find it, and the Debian package that brings it."""

    name: str
    package: str
    find: Callable[[], str | None]


JAVA = Tool(f"Java {JAVA_OLDEST} or newer", "openjdk-17-jre-headless", _java)
JAVAC = Tool(f"a Java compiler ({JAVA_OLDEST} or newer)", "openjdk-17-jdk-headless", _javac)
MAVEN = Tool("Maven", "maven", _on_path("mvn"))
REDIS = Tool("Redis", "redis-server", _on_path("redis-server"))
POSTGRES = Tool("PostgreSQL", "postgresql", _postgres)
KCAT = Tool("kcat", "kcat", _on_path("kcat"))


def provide(tools: Sequence[Tool], report: Report) -> list[str]:
    """The tools' paths, in their order, after installing what is missing.

    Raises `MissingToolError`, naming all that cannot be installed at once.
    """
    missing = [tool for tool in tools if tool.find() is None]
    if missing:
        _install(missing, report)
    paths = [tool.find() for tool in tools]
    still = [tool for tool, path in zip(tools, paths, strict=True) if path is None]
    if still:
        raise MissingToolError(_sentence(still, "were installed and still cannot be found"))
    return [path for path in paths if path is not None]


def _install(missing: Sequence[Tool], report: Report) -> None:
    if shutil.which("apt-get") is None or not _is_root():
        raise MissingToolError(_sentence(missing, "cannot be installed from here: only root can, on a Debian system"))
    packages = [tool.package for tool in missing]
    report(f"Installing {', '.join(packages)} with apt-get")
    _apt("update", "-q")
    failure = _apt("install", "-q", "-y", "--no-install-recommends", *packages)
    if failure is not None:
        raise MissingToolError(_sentence(missing, f"could not be installed ({failure})"))


def _apt(*arguments: str) -> str | None:
    """Run apt-get; the last line it said when it failed."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", *arguments], env=env, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"apt-get {arguments[0]} took longer than {INSTALL_TIMEOUT_S} s"
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else f"apt-get ended with {done.returncode}"


def _is_root() -> bool:
    return os.geteuid() == 0


def _sentence(tools: Sequence[Tool], why: str) -> str:
    names = " and ".join(tool.name for tool in tools)
    packages = " ".join(tool.package for tool in tools)
    return (
        f"Missing for a local Kafka and Redis: {names}, which {why}. "
        f"Install with: sudo apt-get install -y --no-install-recommends {packages} "
        f"(or start a Docker engine, or set CHAKONG_KAFKA and CHAKONG_REDIS)."
    )
