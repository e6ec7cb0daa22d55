import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.commands.generate import generate
from synthetic.places import TOPICS
from synthetic.reconcile import read_defects, read_truth

SMALL = ["--orders", "100", "--sightings", "2000", "--hit-ratio", "0.02", "--dirtiness", "0.2"]


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(generate, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_it_writes_orders_sightings_and_truth(tmp_path: Path) -> None:
    run(*SMALL, "--out", str(tmp_path / "world"))
    files = {path.name: path.read_bytes().splitlines() for path in (tmp_path / "world").iterdir()}
    assert files.keys() == {"orders.ndjson", "truth.ndjson", *(f"{topic}.ndjson" for topic in TOPICS)}
    assert len(files["orders.ndjson"]) == 100
    assert sum(len(files[f"{topic}.ndjson"]) for topic in TOPICS) == 2000
    assert len({(p["station"], p["sighting_id"]) for p in read_truth(files["truth.ndjson"])}) in range(20, 60)
    for defect in read_defects(files["truth.ndjson"]):
        line = files[f"{defect['topic']}.ndjson"][defect["line"] - 1]
        if defect["defect"] == "unknown_kind":
            assert json.loads(line)["kind"] == "karaoke_visit"


def test_zipped_it_says_the_same(tmp_path: Path) -> None:
    for name, options in (("plain", ()), ("zipped", ("--gzip",)), ("again", ("--gzip",))):
        run(*SMALL, "--out", str(tmp_path / name), *options)
    for path in (tmp_path / "plain").iterdir():
        zipped = (tmp_path / "zipped" / f"{path.name}.gz").read_bytes()
        assert gzip.decompress(zipped) == path.read_bytes()


def test_it_overwrites_only_when_told(tmp_path: Path) -> None:
    run(*SMALL, "--out", str(tmp_path))
    assert "--force" in run(*SMALL, "--out", str(tmp_path), code=2)
    run(*SMALL, "--out", str(tmp_path), "--force")


def test_a_pipe_gets_sightings_and_nothing_else() -> None:
    lines = CliRunner().invoke(generate, [*SMALL, "--dirtiness", "0", "--out", "-"]).stdout_bytes.splitlines()
    assert len(lines) == 2000
    assert all(json.loads(line)["kind"] for line in lines)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--at", "yesterday"), "RFC 3339"),
        (("--at", "2026-11-24T08:00:00"), "no offset"),
        (("--rate", "0"), "rate"),
        (("--hit-ratio", "0.9", "--dirtiness", "0.9"), "together"),
        (("--orders", "99999999"), "10000000 orders"),
        (("--at", "2099-01-01T00:00:00+25:00"), "RFC 3339"),
    ],
)
def test_wrong_usage_is_explained(tmp_path: Path, wrong: tuple[str, ...], said: str) -> None:
    assert said in run("--out", str(tmp_path / "new"), *wrong, code=2)
