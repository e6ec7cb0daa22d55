"""The peers' Python: an environment of its own in ``.local/peers``, made once for each state of its lock."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.local.addresses import Report
from deploy.local.errors import ToolError
from deploy.local.lock import locked

LOCK: Final = Path(__file__).parents[1] / "peers" / "requirements.lock"
SHOWN: Final = (
    "aiokafka",
    "bytewax",
    "confluent-kafka",
    "faust-streaming",
    "kafka-python",
    "msgspec",
    "pybloom-live",
    "quixstreams",
)
_BOUND_S: Final = 1800.0
_VERSIONS: Final = (
    "import json, sys; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)


def provide(root: Path, report: Report) -> Path:
    """The interpreter of the peers' environment, which holds exactly what the lock names.

    Raises:
        ToolError: it cannot be made; the text is pip's.
    """
    folder = root / ".local" / "peers"
    python, stamp = folder / "bin" / "python", folder / ".setup-done"
    wanted = hashlib.sha256(LOCK.read_bytes() + f"{sys.version} {folder}".encode()).hexdigest()
    with locked(root / ".local" / "peers.lock", _BOUND_S):
        if not (stamp.is_file() and stamp.read_text() == wanted):
            report("Making the peers' environment (once; about a minute)")
            stamp.unlink(missing_ok=True)
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
            _run([str(python), "-m", "pip", *quiet, "install", "--require-hashes", "-r", str(LOCK)])
            stamp.write_text(wanted)
    return python


def versions(python: Path) -> dict[str, str]:
    """The peers' libraries as they are installed."""
    found: dict[str, str] = json.loads(_run([str(python), "-c", _VERSIONS, *SHOWN]))
    return found


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BOUND_S, check=False)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command[:4])} … ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout
