"""Docker is used where it answers in time. A stand-in for `docker` shows what is asked of it."""

import re
from pathlib import Path

import pytest

from deploy.local import docker, kafka, libs
from deploy.local.docker import COMPOSE_FILE, Compose, engine_answers
from deploy.local.errors import ToolError
from deploy.local.libs import KAFKA_VERSION, POM
from deploy.local.stack import Stack, shared_libs
from deploy.local.state import State

STATE = State("docker", 20001, 20002, 20003)


@pytest.fixture
def docker_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def install(script: str) -> Path:
        program = tmp_path / "bin" / "docker"
        program.parent.mkdir(exist_ok=True)
        log = tmp_path / "asked"
        program.write_text(
            f'#!/bin/sh\necho "$CHAKONG_KAFKA_PORT $CHAKONG_REDIS_PORT $*" >> {log}\ncase "$*" in\n{script}\nesac\n'
        )
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return log

    return install


def test_no_docker_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not engine_answers()


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("info) exit 0;; compose*) exit 0;;", True),
        ("info) exit 1;;", False),
        ("info) exit 0;; compose*) exit 125;;", False),
        ("info) exec sleep 30;;", False),
    ],
    ids=["engine and compose", "no engine", "no compose", "hangs"],
)
def test_an_engine_answers_when_it_can_run_compose_files(docker_says, monkeypatch, script: str, answers: bool) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(docker, "ANSWER_TIMEOUT_S", 0.5)
    docker_says(script)
    assert engine_answers() is answers


def test_compose_is_told_the_ports_and_a_project_of_the_folders_own(docker_says, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    asked = docker_says("*ps*) echo kafka;;")
    one, other = Compose(tmp_path / "one", STATE), Compose(tmp_path / "other", STATE)
    assert one.running() == {"kafka"}
    assert one.project != other.project
    assert asked.read_text().startswith(f"20001 20003 compose -p {one.project} -f {COMPOSE_FILE} ps")


def test_what_docker_said_is_in_the_error(docker_says, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    docker_says("*) echo 'no such image' >&2; exit 1;;")
    with pytest.raises(ToolError, match="docker compose up failed: no such image"):
        Compose(tmp_path, STATE).run("up")


def test_the_three_places_that_name_kafkas_version_agree() -> None:
    assert f"<kafka.version>{KAFKA_VERSION}</kafka.version>" in POM.read_text()
    assert f"image: apache/kafka:{KAFKA_VERSION}\n" in COMPOSE_FILE.read_text()


def test_containers_and_processes_have_the_same_settings() -> None:
    compose = dict(re.findall(r'^ +KAFKA_([A-Z_]+): "?(.*?)"?$', COMPOSE_FILE.read_text(), re.MULTILINE))
    lines = kafka.PROPERTIES.read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    differ = {"listeners", "advertised.listeners", "listener.security.protocol.map", "log.dirs"}
    differ |= {"controller.quorum.voters"}
    for name, value in settings.items():
        if name not in differ:
            assert compose[name.upper().replace(".", "_")] == value, name


@pytest.mark.integration
def test_local_processes_take_over_when_docker_cannot_start_them(docker_says, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    docker_says("info) exit 0;; *version) exit 0;; *up*) echo 'cannot pull' >&2; exit 1;;")
    stack = Stack(tmp_path / "stack", shared_libs(Path(__file__).parents[3]), ("docker", "processes"))
    said: list[str] = []
    try:
        found = stack.up(said.append)
        assert found.origin == "processes"
        assert stack.find() == found
        assert any("cannot pull" in line for line in said)
    finally:
        stack.down(said.append, wipe=True)


def test_the_jars_of_another_pom_are_not_mistaken_for_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = libs.KafkaLibs(tmp_path).jars
    changed = tmp_path / "pom.xml"
    changed.write_text(POM.read_text() + "<!-- -->")
    monkeypatch.setattr(libs, "POM", changed)
    assert libs.KafkaLibs(tmp_path).jars != before
