"""The machine code of the hot path: of processes that need it at once before it is there, one compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WORK = """
from stream import machine_code
machine_code.prepare()
assert machine_code.is_there()
from connectors.kafka.gather import take_over
from matchers.reader import read_batch
print(*(len(function.stats.cache_misses) for function in (take_over, read_batch)))
"""


def test_of_two_processes_one_compiles_and_the_other_waits_for_it(tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    started = [subprocess.Popen([sys.executable, "-c", WORK], env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=600)[0].split() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(told) == [["0", "0"], ["1", "1"]]
