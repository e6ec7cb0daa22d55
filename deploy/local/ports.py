"""Ports on the loopback interface that nobody uses."""

import random
import socket
from contextlib import closing
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now; the kernel is asked by binding it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do: a connection of yesterday in TIME_WAIT is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port nobody listens on, below the range from which the kernel serves outgoing connections.

    Inside that range a port is lost while its server is down: any client may be given it as its own source port, and
    one that keeps trying to reconnect to a local server can even connect to itself.
    """
    highest = _ephemeral_start()
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, highest)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {_LOWEST} and {highest} after {_TRIES} tries")


def _ephemeral_start() -> int:
    try:
        start = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 32_000
    return start if start > _LOWEST + 1000 else 32_000
