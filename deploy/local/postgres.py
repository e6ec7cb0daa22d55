"""PostgreSQL as a local process, for the registries that the fast query asks."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.local.addresses import Report
from deploy.local.errors import StartError
from deploy.local.ports import LOOPBACK
from deploy.local.process import Process
from deploy.local.tools import POSTGRES, provide

START_BOUND_S = 60.0
INITDB_BOUND_S = 120.0
USER = "chakong"
#: Whom root gives the server to: PostgreSQL refuses to run as root. The package makes this user.
UNPRIVILEGED = "postgres"
#: Data that lives for a test needs no disk.
OPTIONS = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "unix_socket_directories=")


@dataclass(frozen=True)
class PostgresProcess:
    """PostgreSQL from the system's package, on the loopback interface only, with its data in `folder`."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{USER}@{LOOPBACK}:{self.port}/postgres"

    @property
    def process(self) -> Process:
        return Process("PostgreSQL", self.folder, stop_s=15.0)

    def start(self, report: Report) -> None:
        """Start it, with its data, and return when it answers.

        The folder must be one that an unprivileged user may reach. Raises MissingToolError, StartError.
        """
        (program,) = provide((POSTGRES,), report)
        report(f"Starting PostgreSQL on {LOOPBACK}:{self.port}")
        data = self.folder / "data"
        if not data.exists():
            self._initialise(Path(program).resolve().with_name("initdb"), data)
        where = ("-D", str(data), "-h", LOOPBACK, "-p", str(self.port))
        self.process.spawn([*_as_somebody(), program, *where, *OPTIONS])
        self.process.wait_until(self.silence, START_BOUND_S)

    def stop(self) -> bool:
        return self.process.stop()

    def silence(self) -> str | None:
        """Why it does not answer, or None when it does."""
        try:
            with psycopg.connect(host=LOOPBACK, port=self.port, user=USER, dbname="postgres", connect_timeout=2) as client:
                client.execute("select 1")
        except psycopg.Error as error:
            return type(error).__name__
        return None

    def _initialise(self, initdb: Path, data: Path) -> None:
        data.mkdir(mode=0o700, parents=True)
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED, UNPRIVILEGED)
        words = ["-D", str(data), "-U", USER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [*_as_somebody(), str(initdb), *words], capture_output=True, text=True, timeout=INITDB_BOUND_S, check=False
        )
        if done.returncode:
            raise StartError(f"PostgreSQL's data cannot be made: {done.stderr.strip().splitlines()[-1:]}")


def _as_somebody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
