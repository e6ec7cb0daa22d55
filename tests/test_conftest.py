"""In CI a skipped integration test fails the run; elsewhere it is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CASES = """
import pytest

@pytest.mark.integration
def test_marked():
    pytest.skip("no server")

def test_unit():
    pytest.skip("not today")

@pytest.mark.integration
@pytest.mark.xfail(reason="known")
def test_known():
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("ci", "closing"),
    [("true", "1 failed, 1 skipped, 1 xfailed"), ("", "2 skipped, 1 xfailed")],
    ids=["in CI", "elsewhere"],
)
def test_ci_skips_no_integration_test(tmp_path: Path, ci: str, closing: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_cases.py").write_text(CASES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)],
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert closing in done.stdout.splitlines()[-1], done.stdout
    assert (done.returncode == 0) is (ci == "")
