"""Where Kafka and Redis are, and who said so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Origin = Literal["environment", "docker", "processes"]

#: Receives one plain line for each thing that is done. A library prints nothing by itself.
Report = Callable[[str], None]


@dataclass(frozen=True)
class Addresses:
    """Both servers answered at these addresses when they were handed out."""

    kafka: str
    """Bootstrap servers, `host:port[,host:port]`."""
    redis: str
    """A `redis://` URL."""
    origin: Origin
