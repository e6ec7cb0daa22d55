"""What a killed session left running is found and stopped; what is in use is left alone."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.process import Process, write_record
from deploy.local.state import State
from deploy.local.sweep import OWNER, is_abandoned, sweep


def test_a_folder_is_abandoned_when_its_owner_has_ended(tmp_path: Path) -> None:
    assert not is_abandoned(tmp_path), "nobody knows whose it is"
    write_record(tmp_path / OWNER, os.getpid())
    assert not is_abandoned(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        write_record(tmp_path / OWNER, owner.pid)
    assert is_abandoned(tmp_path)


def test_every_stack_under_a_folder_is_stopped_and_wiped(tmp_path: Path) -> None:
    servers = []
    for name in ("one", "deep/two"):
        folder = tmp_path / name
        State.fresh("processes").save(folder / "stack.json")
        server = Process("Redis", folder / "redis", stop_s=5)
        server.spawn([sys.executable, "-c", "import time; time.sleep(60)"])
        servers.append(server)
    said: list[str] = []
    assert sweep(tmp_path, tmp_path, said.append) == 2
    assert [server.pid() for server in servers] == [None, None]
    assert said.count("Stopped Redis") == 2
    assert not list(tmp_path.rglob("stack.json"))
