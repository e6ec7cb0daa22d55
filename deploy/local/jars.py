"""Jars that a pom names, fetched once by Maven."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.errors import StartError
from deploy.local.lock import locked
from deploy.local.tools import JAVA, MAVEN, provide

FETCH_TIMEOUT_S = 600


@dataclass(frozen=True)
class Jars:
    """What `pom` names at run time, in a sub-folder of `folder` for each state of the pom: two versions cannot mix."""

    title: str
    """What they are, in a message: "Kafka 4.1.2"."""
    version: str
    pom: Path
    folder: Path
    sign: str
    """A glob of the jar without which they are not complete."""

    @property
    def path(self) -> Path:
        return self.folder / f"{self.version}-{digest(self.pom)}"

    def fetch(self, report: Report) -> None:
        """Have the jars here. They appear all at once, by a rename: a broken download leaves nothing behind."""
        if self.path.is_dir():
            return
        with locked(self.folder / "lock", bound_s=FETCH_TIMEOUT_S):
            if self.path.is_dir():
                return
            (maven, _) = provide((MAVEN, JAVA), report)
            report(f"Fetching {self.title} with Maven (once; about 20 s)")
            draft = Path(tempfile.mkdtemp(prefix="draft-", dir=self.folder))
            try:
                self._copy_dependencies(maven, draft)
                draft.rename(self.path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _copy_dependencies(self, maven: str, into: Path) -> None:
        # Maven writes nothing beside the pom: the folder of an installed package may be read-only.
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}")
        try:
            done = subprocess.run(
                [maven, "-q", "-B", "-f", str(self.pom), *goal],
                capture_output=True,
                text=True,
                timeout=FETCH_TIMEOUT_S,
                check=False,
                env=os.environ | {"MAVEN_OPTS": os.environ.get("MAVEN_OPTS", "-Xmx512m")},
            )
        except subprocess.TimeoutExpired as error:
            raise StartError(f"Maven did not fetch {self.title} within {FETCH_TIMEOUT_S} s.") from error
        if done.returncode != 0 or not any(into.glob(self.sign)):
            said = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[:8])
            raise StartError(f"Maven cannot fetch {self.title}:\n{said}")


def digest(*files: Path) -> str:
    """Twelve characters that change with the bytes of any of the files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
