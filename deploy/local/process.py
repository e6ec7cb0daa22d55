"""A server process that outlives the command which started it, and is found again by its pid file."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import StartError
from deploy.local.probe import Probe

POLL_S = 0.1
KILL_WAIT_S = 5.0


@dataclass(frozen=True)
class Process:
    """One process, known by `folder/pid`; its output goes to `folder/server.log`.

    The pid file holds the process's birth as well: after a crash or a reboot the same number may be somebody else's
    process, which must be neither taken for ours nor ended.
    """

    name: str
    folder: Path
    stop_s: float = field(default=20.0)
    """How long it may take to end by itself after SIGTERM."""

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    def pid(self) -> int | None:
        """The living process's id, or None."""
        record = read_record(self._pid_file)
        return record[0] if record is not None and birth_of(record[0]) == record[1] else None

    def spawn(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start `command` in a session of its own, so that neither Ctrl-C nor this command's end reaches it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.folder / "server.log.1")
        try:
            pid = os.posix_spawnp(
                command[0],
                list(command),
                dict(os.environ if env is None else env),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGPIPE],
            )
        except OSError as error:
            raise StartError(f"{self.name} cannot be started: {command[0]}: {error.strerror}") from error
        write_record(self._pid_file, pid)

    def wait_until(self, probe: Probe, bound_s: float) -> None:
        """Return when `probe` is content.

        Raises `StartError`, with the end of the server's log, when the process ends or the time is up.
        """
        deadline = time.monotonic() + bound_s
        while (silence := probe()) is not None:
            if self.pid() is None:
                raise StartError(f"{self.name} ended right after its start. {self.log_tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} does not answer after {bound_s:.0f} s ({silence}). {self.log_tail()}")
            time.sleep(POLL_S)

    def log_tail(self, lines: int = 15) -> str:
        """The end of the server's log, introduced, for an error message."""
        try:
            text = self.log.read_bytes()[-20_000:].decode(errors="replace")
        except OSError:
            text = ""
        tail = "\n".join(f"  {line}" for line in text.splitlines()[-lines:])
        return f"The end of {self.log}:\n{tail}" if tail else f"Its log {self.log} is empty."

    def stop(self) -> bool:
        """End it: SIGTERM, and SIGKILL when that is not enough. Returns whether it was running."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGCONT)
            _signal(pid, signal.SIGTERM)
            if not self._gone(self.stop_s):
                self.kill()
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        pid = self.pid()
        if pid is None:
            return
        _signal(pid, signal.SIGKILL)
        if not self._gone(KILL_WAIT_S):
            raise StartError(f"{self.name} (process {pid}) does not end even on SIGKILL")

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        if (pid := self.pid()) is not None:
            _signal(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on after `pause`."""
        if (pid := self.pid()) is not None:
            _signal(pid, signal.SIGCONT)

    def _gone(self, bound_s: float) -> bool:
        deadline = time.monotonic() + bound_s
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S / 2)
        return True


def write_record(path: Path, pid: int) -> None:
    """Write down which process `pid` is, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"pid": pid, "birth": birth_of(pid)}))
    draft.replace(path)


def read_record(path: Path) -> tuple[int, str] | None:
    """A process's number and birth as written down; None when there is nothing that can be read."""
    try:
        record = json.loads(path.read_text())
        return int(record["pid"]), str(record["birth"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def birth_of(pid: int) -> str | None:
    """What tells this process from any other that ever had its number; None when it has ended."""
    # Ours, when it has ended, stays as a zombie until somebody asks for its status.
    with contextlib.suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    # After the name, which may hold anything: the state is the first field, the start time the twentieth.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _birth_by_ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() or None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
