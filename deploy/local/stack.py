"""Kafka and Redis on this machine: found, started, stopped.

The choice, in this order: the addresses in the environment; a Docker engine that answers; local processes. A stack that
was started stays what it was until it is wiped, since its data is there.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import docker
from deploy.local.addresses import Addresses, Origin, Report
from deploy.local.environment import from_environment
from deploy.local.errors import StackError, StartError, ToolError
from deploy.local.kafka import KafkaProcess
from deploy.local.libs import KafkaLibs
from deploy.local.lock import locked
from deploy.local.ports import LOOPBACK
from deploy.local.redis import RedisProcess
from deploy.local.server import Server
from deploy.local.state import State
from deploy.local.tools import JAVA, MAVEN, REDIS, provide

LOCK_BOUND_S = 900.0
#: A port that was free a moment ago may be taken before our server binds it.
PORT_TRIES = 3
_ALL: tuple[Origin, ...] = ("environment", "docker", "processes")


def find(root: Path) -> Addresses | None:
    """The stack of the project at `root` when it is up and both servers answer."""
    return Stack.of(root).find()


def up(root: Path, report: Report) -> Addresses:
    """Have Kafka and Redis answer, starting what is not up. A second call finds what the first started."""
    return Stack.of(root).up(report)


def down(root: Path, report: Report, *, wipe: bool = False) -> bool:
    """Stop what `up` started; with `wipe` its data goes too. Whether anything was running."""
    return Stack.of(root).down(report, wipe=wipe)


@dataclass(frozen=True)
class Stack:
    """One Kafka and one Redis, with all their data, logs and pid files in `folder`."""

    folder: Path
    libs: KafkaLibs
    origins: tuple[Origin, ...] = field(default=_ALL)
    """Where the servers may come from. A test that breaks servers leaves the environment's alone."""

    @staticmethod
    def of(root: Path) -> "Stack":
        """The stack of the project at `root`."""
        return Stack(root.resolve() / ".local" / "stack", shared_libs(root))

    def find(self) -> Addresses | None:
        given = from_environment() if "environment" in self.origins else None
        return given or self._find_started()

    def up(self, report: Report) -> Addresses:
        given = from_environment() if "environment" in self.origins else None
        if given is not None:
            report(f"Using Kafka at {given.kafka} and Redis from the environment")
            return given
        with locked(self.folder / "lock", LOCK_BOUND_S):
            found = self._find_started()
            if found is not None:
                report(f"Found Kafka at {found.kafka} and Redis at {found.redis}, both answering")
                return found
            return self._start(report)

    def down(self, report: Report, *, wipe: bool = False) -> bool:
        if not self.folder.is_dir():
            return False
        with locked(self.folder / "lock", LOCK_BOUND_S):
            ran = self._stop(report, wipe=wipe)
            if wipe:
                for name in ("kafka", "redis"):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
                self._state_file.unlink(missing_ok=True)
                report(f"Wiped the data in {self.folder}")
        return ran

    @property
    def kafka(self) -> Server:
        """Kafka's handle: to stop, kill, pause or start it by itself."""
        return self._servers(self._known_state())["Kafka"]

    @property
    def redis(self) -> Server:
        """Redis's handle."""
        return self._servers(self._known_state())["Redis"]

    def kafka_tool(self, name: str, *arguments: str, report: Report = lambda _: None) -> str:
        """Run one of Kafka's own tools (`topics`, `consumer-groups`, ...) against this stack; what it printed."""
        state = State.load(self._state_file)
        if state is not None and state.origin == "docker":
            compose = docker.Compose(self.folder, state)
            return compose.kafka_tool(name, "--bootstrap-server", "localhost:19092", *arguments)
        found = self.find()
        if found is None:
            raise StackError("Kafka does not run: start it with `chakong up`.")
        return self.libs.run_tool(name, "--bootstrap-server", found.kafka, *arguments, report=report)

    @property
    def _state_file(self) -> Path:
        return self.folder / "stack.json"

    def _known_state(self) -> State:
        state = State.load(self._state_file)
        if state is None:
            raise StackError("This stack was not started here, so its servers cannot be stopped or started here.")
        return state

    def _servers(self, state: State) -> Mapping[str, Server]:
        if state.origin == "docker":
            compose = docker.Compose(self.folder, state)
            return {"Redis": docker.redis_server(compose), "Kafka": docker.kafka_server(compose)}
        return {
            "Redis": RedisProcess(self.folder / "redis", state.redis_port),
            "Kafka": KafkaProcess(self.folder / "kafka", self.libs, state.kafka_port, state.controller_port),
        }

    def _find_started(self) -> Addresses | None:
        state = State.load(self._state_file)
        if state is None or not all(server.answers() for server in self._servers(state).values()):
            return None
        return _addresses(state)

    def _start(self, report: Report) -> Addresses:
        remembered = State.load(self._state_file)
        stays_local = remembered is not None and remembered.origin == "processes"
        if "docker" in self.origins and not stays_local and docker.engine_answers():
            try:
                return self._start_servers(remembered or State.fresh("docker"), report)
            except (StartError, ToolError) as error:
                report(f"Docker answers and cannot start them, so local processes it is: {error}")
                remembered = None
        if remembered is None or remembered.origin == "docker":
            remembered = State.fresh("processes")
        # All at once, so that one sentence names everything that is missing.
        provide((REDIS, JAVA) if self.libs.jars.is_dir() else (REDIS, JAVA, MAVEN), report)
        return self._start_servers(remembered, report)

    def _start_servers(self, state: State, report: Report) -> Addresses:
        for tries_left in reversed(range(PORT_TRIES)):
            running = {name: server.runs() for name, server in self._servers(state).items()}
            state = state.moved(kafka_runs=running["Kafka"], redis_runs=running["Redis"])
            state.save(self._state_file)
            try:
                for server in self._servers(state).values():
                    server.start(report)
            except StartError as error:
                self._stop(report, wipe=False)
                if tries_left == 0 or "ddress already in use" not in str(error):
                    raise
            except BaseException:
                # Interrupted, perhaps: nothing half started is left behind.
                self._stop(report, wipe=False)
                raise
            else:
                break
        report(f"Kafka answers at {LOOPBACK}:{state.kafka_port}, Redis at {LOOPBACK}:{state.redis_port}")
        return _addresses(state)

    def _stop(self, report: Report, *, wipe: bool) -> bool:
        state = State.load(self._state_file)
        if state is not None and state.origin == "docker":
            ran = docker.Compose(self.folder, state).down(wipe=wipe)
            if ran:
                report("Stopped Kafka and Redis in Docker")
            return ran
        # By their pid files, which name them even when the state file was lost.
        stopped = [name for name, server in self._servers(state or _NO_PORTS).items() if server.stop()]
        for name in stopped:
            report(f"Stopped {name}")
        return bool(stopped)


_NO_PORTS = State("processes", 0, 0, 0)


def shared_libs(root: Path) -> KafkaLibs:
    """Kafka's jars of the project at `root`, shared by all its stacks."""
    return KafkaLibs(root.resolve() / ".local" / "kafka-libs")


def _addresses(state: State) -> Addresses:
    return Addresses(
        kafka=f"{LOOPBACK}:{state.kafka_port}",
        redis=f"redis://{LOOPBACK}:{state.redis_port}/0",
        origin=state.origin,
    )
