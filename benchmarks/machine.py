"""The machine that a result was measured on, and the form in which results are kept."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """What tells this machine's numbers from another's."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    libraries = ("confluent-kafka", "faust-streaming", "msgspec", "numpy", "pybloom-live", "redis")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }


def keep(name: str, result: dict[str, Any]) -> Path:
    """Write a result with its machine and day; committed beside the benchmarks."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"benchmark": name, "on": dt.datetime.now(dt.UTC).date().isoformat(), "machine": machine(), **result}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return path


def family(pid: int) -> list[int]:
    """A process and its children: a worker and its screener."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def descendants(pid: int) -> list[int]:
    """A process and all that it, and they, have started, by whichever thread."""
    found = [pid]
    for one in found:
        with suppress(OSError):  # it may have ended meanwhile
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process and its children have used so far, all threads, user and system."""
    return sum(map(_cpu_seconds, family(pid)))


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB; what processes share is shared out among them (PSS)."""
    return sum(map(resident_mb_alone, family(pid)))


def memory_mb(pid: int) -> dict[str, float]:
    """One process's memory in MB: resident, the part of it that is no file's, and the most that was ever resident."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    kinds = {"resident_mb": "VmRSS", "anonymous_mb": "RssAnon", "peak_mb": "VmHWM"}
    return {name: round(int(fields[field].split()[0]) * 1024 / 1e6, 1) for name, field in kinds.items()}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb_alone(pid: int) -> float:
    """The same of one process."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(fields["Pss"].split()[0]) * 1024 / 1e6
