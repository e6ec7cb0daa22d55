"""A process is known by its birth, outlives its starter and always ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.process import Process, birth_of, write_record

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process("Thing", tmp_path / "thing", stop_s=0.5)
    yield made
    made.kill()


def test_it_is_found_again_by_another_handle_and_ends(process: Process) -> None:
    process.spawn(SLEEP)
    again = Process("Thing", process.folder)
    assert again.pid() == process.pid() is not None
    assert again.stop()
    assert process.pid() is None
    assert not again.stop()


def test_it_outlives_the_command_that_started_it(process: Process) -> None:
    code = (
        "import sys; from pathlib import Path; from deploy.local.process import Process;"
        "Process('Thing', Path(sys.argv[1])).spawn(sys.argv[2:])"
    )
    subprocess.run([sys.executable, "-c", code, str(process.folder), *SLEEP], check=True, timeout=30)
    pid = process.pid()
    assert pid is not None
    assert os.getsid(pid) == pid, "a session of its own: no Ctrl-C of ours reaches it"


def test_one_that_ignores_sigterm_is_killed(process: Process) -> None:
    process.spawn(STUBBORN)
    process.wait_until(lambda: None if "deaf" in process.log.read_text() else "still starting", 20)
    began = time.monotonic()
    assert process.stop()
    assert process.pid() is None
    assert time.monotonic() - began < 10


def test_a_paused_one_can_be_stopped(process: Process) -> None:
    process.spawn(SLEEP)
    process.pause()
    assert process.stop()


def test_a_pid_that_now_is_somebody_elses_is_left_alone(process: Process) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        process.folder.mkdir()
        pid_file = process.folder / "pid"
        write_record(pid_file, stranger.pid)
        assert process.pid() == stranger.pid
        pid_file.write_text(pid_file.read_text().replace('"birth": "', '"birth": "earlier '))
        assert process.pid() is None
        assert not process.stop()
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "12", "{}", '{"pid": "x", "birth": "y"}', '{"pid": 1, "birth": null}'])
def test_a_damaged_pid_file_is_nobody(process: Process, text: str) -> None:
    process.folder.mkdir()
    (process.folder / "pid").write_text(text)
    assert process.pid() is None


def test_an_ended_process_has_no_birth() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert birth_of(done.pid) is None


def test_one_that_ends_at_once_is_an_error_with_the_end_of_its_log(process: Process) -> None:
    process.spawn([sys.executable, "-c", "print('one reason'); raise SystemExit(3)"])
    with pytest.raises(StartError, match=r"(?s)Thing ended right after its start.*one reason"):
        process.wait_until(lambda: "silent", 20)


def test_one_that_never_answers_is_an_error_in_bounded_time(process: Process) -> None:
    process.spawn(SLEEP)
    with pytest.raises(StartError, match=r"does not answer after 0 s \(no word\)\. Its log .* is empty"):
        process.wait_until(lambda: "no word", 0.3)


def test_a_program_that_is_not_there_is_an_error(process: Process) -> None:
    with pytest.raises(StartError, match="Thing cannot be started: no-such-program"):
        process.spawn(["no-such-program"])
