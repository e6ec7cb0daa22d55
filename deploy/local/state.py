"""What a stack remembers between commands: how it was started and on which ports."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from deploy.local.ports import free_port, is_free

#: How servers can be started by us.
Started = Literal["docker", "processes"]


@dataclass(frozen=True)
class State:
    """Kept until the stack is wiped, so that a stopped stack comes back where it was, with its data."""

    origin: Started
    kafka_port: int
    controller_port: int
    redis_port: int

    @staticmethod
    def load(path: Path) -> "State | None":
        """The remembered state; None when there is none, or none that can be read."""
        try:
            raw = json.loads(path.read_text())
            origin: Started = "docker" if raw["origin"] == "docker" else "processes"
            return State(origin, int(raw["kafka_port"]), int(raw["controller_port"]), int(raw["redis_port"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    @staticmethod
    def fresh(origin: Started) -> "State":
        first = free_port()
        second = free_port(frozenset({first}))
        return State(origin, first, second, free_port(frozenset({first, second})))

    def moved(self, *, kafka_runs: bool, redis_runs: bool) -> "State":
        """The same, with new ports where somebody else has taken the port of a server of ours that is down."""
        taken: frozenset[int] = frozenset({self.kafka_port, self.controller_port, self.redis_port})
        ports = []
        for port, runs in (
            (self.kafka_port, kafka_runs),
            (self.controller_port, kafka_runs),
            (self.redis_port, redis_runs),
        ):
            kept = port if runs or is_free(port) else free_port(taken)
            taken |= {kept}
            ports.append(kept)
        return State(self.origin, *ports)
