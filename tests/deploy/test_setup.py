"""The set-up says in one sentence what it lacks, and does nothing when nothing is to be done."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but what the set-up reads, and a `bin` whose programs come first on the path."""
    root = tmp_path / "checkout"
    (root / "deploy").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml", "deploy/setup", "deploy/setup.lock"):
        shutil.copy(ROOT / name, root / name)
    return root


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o700)


def run(checkout: Path, first_on_path: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{first_on_path}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [checkout / "deploy" / "setup"], env=env, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


def test_without_a_new_enough_python_it_names_what_to_install(checkout: Path, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        program(bin_, name, "exit 1")
    program(bin_, "id", "echo 1000")
    done = run(checkout, bin_)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: missing: python3 python3-venv. "
        "Install with: sudo apt-get install -y --no-install-recommends python3 python3-venv\n"
    )


def test_without_venv_it_names_the_package(checkout: Path, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    program(bin_, "python3.11", 'case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    program(bin_, "id", "echo 1000")
    done = run(checkout, bin_)
    assert done.returncode == 1
    assert done.stderr.startswith("setup: missing: python3-venv. Install with: sudo apt-get install")


def test_what_is_set_up_already_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    """A Python that only notes what it is asked for stands in for the real one, whose work takes minutes."""
    bin_, asked = tmp_path / "bin", tmp_path / "asked"
    makes_venv = 'if [ "$2" = venv ]; then mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; fi'
    program(bin_, "python3.11", f'echo "$*" >> {asked}; {makes_venv}')
    first = run(checkout, bin_)
    assert first.returncode == 0, first.stderr
    assert "--require-hashes -r requirements.lock" in asked.read_text()
    program(checkout / ".venv" / "bin", "chakong", "")
    asked.unlink()
    again = run(checkout, bin_)
    assert (again.returncode, again.stderr) == (0, "")
    assert not asked.exists()
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    run(checkout, bin_)
    assert "--require-hashes -r requirements.lock" in asked.read_text(), "another lock is installed anew"
