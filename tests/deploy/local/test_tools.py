"""A missing program is installed by root and named, once, to anybody else."""

import shutil
from pathlib import Path

import pytest

from deploy.local import tools
from deploy.local.errors import MissingToolError
from deploy.local.tools import JAVA, Tool, provide

NOBODY = Tool("Nobody", "nobody-at-all", lambda: None)
OTHER = Tool("Other", "other-one", lambda: None)
SHELL = Tool("A shell", "dash", lambda: shutil.which("sh"))


def _fail_if_called(*arguments: str) -> str | None:
    raise AssertionError(f"apt-get was called with {arguments}")


def test_what_is_there_is_found_without_installing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_apt", _fail_if_called)
    assert provide((SHELL,), print) == [shutil.which("sh")]


def test_all_that_is_missing_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_apt", _fail_if_called)
    monkeypatch.setattr(tools, "_is_root", lambda: False)
    with pytest.raises(MissingToolError) as caught:
        provide((NOBODY, SHELL, OTHER), print)
    text = str(caught.value)
    assert "Nobody and Other" in text
    assert "sudo apt-get install -y --no-install-recommends nobody-at-all other-one " in text
    assert "shell" not in text


def test_root_installs_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "late"
    calls: list[tuple[str, ...]] = []

    def apt(*arguments: str) -> str | None:
        calls.append(arguments)
        if arguments[0] == "install":
            program.touch()
        return None

    monkeypatch.setattr(tools, "_apt", apt)
    monkeypatch.setattr(tools, "_is_root", lambda: True)
    monkeypatch.setattr(tools.shutil, "which", lambda _: "/usr/bin/apt-get")
    late = Tool("Late", "late-package", lambda: str(program) if program.exists() else None)
    said: list[str] = []
    assert provide((late,), said.append) == [str(program)]
    assert [call[0] for call in calls] == ["update", "install"]
    assert "late-package" in calls[1]
    assert said == ["Installing late-package with apt-get"]


def test_a_failed_installation_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_apt", lambda *_: "E: Unable to locate package nobody-at-all")
    monkeypatch.setattr(tools, "_is_root", lambda: True)
    monkeypatch.setattr(tools.shutil, "which", lambda _: "/usr/bin/apt-get")
    with pytest.raises(MissingToolError, match="Unable to locate package"):
        provide((NOBODY,), print)


def test_a_java_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("11.0.2", "17.0.9"):
        java = tmp_path / version / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o700)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "11.0.2"))
    monkeypatch.setenv("PATH", f"{tmp_path / '17.0.9' / 'bin'}:/usr/bin:/bin")
    assert JAVA.find() == str(tmp_path / "17.0.9" / "bin" / "java")
