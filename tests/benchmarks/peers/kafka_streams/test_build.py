"""The Kafka Streams contestant is built once for each state of its sources, on the broker's version. Nothing is fetched."""

import re
from pathlib import Path

import pytest

from benchmarks.peers.kafka_streams import build
from deploy.local.errors import ToolError
from deploy.local.jars import Jars
from deploy.local.libs import KAFKA_VERSION


@pytest.fixture
def jars(tmp_path: Path) -> Jars:
    return Jars("none", "0", build.POM, tmp_path / "jars", "*.jar")


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A compiler that writes down each of its calls, and makes one class."""
    program = tmp_path / "javac"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nwhile [ "$1" != -d ]; do shift; done\ntouch "$2/Main.class"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(build, "provide", lambda *_: [str(program)])
    return program


def test_it_runs_on_the_brokers_version() -> None:
    assert re.findall(r"<kafka.version>(.*)</kafka.version>", build.POM.read_text()) == [KAFKA_VERSION]


def test_a_second_build_of_the_same_sources_compiles_nothing(compiler: Path, jars: Jars, tmp_path: Path) -> None:
    first = build.compiled(tmp_path / "classes", jars, print)
    assert (first / "Main.class").exists()
    assert build.compiled(tmp_path / "classes", jars, print) == first
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_another_source_is_another_build(compiler: Path, jars: Jars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.compiled(tmp_path / "classes", jars, print)
    more = tmp_path / "More.java"
    more.write_text("class More {}")
    monkeypatch.setattr(build, "SOURCES", (*build.SOURCES, more))
    assert build.compiled(tmp_path / "classes", jars, print) != first


def test_a_build_that_fails_says_why_and_leaves_nothing(compiler: Path, jars: Jars, tmp_path: Path) -> None:
    compiler.write_text("#!/bin/sh\necho 'Main.java:1: error' >&2\nexit 1\n")
    with pytest.raises(ToolError, match=r"Main\.java:1: error"):
        build.compiled(tmp_path / "classes", jars, print)
    assert [file.name for file in (tmp_path / "classes").iterdir()] == ["lock"]
