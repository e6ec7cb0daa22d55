"""The door's server: uvicorn, with the limits and the patience that everybody who asks at the door meets."""

from __future__ import annotations

from typing import Final

import uvicorn

from connectors.door.guard import Guard
from connectors.door.settings import DoorSettings
from connectors.identity.peer import PeerProtocol
from connectors.identity.settings import ClientSettings

STOP_S: Final = 5
KEEP_ALIVE_S: Final = 75
"""How long an idle connection stays. Longer than clients and proxies keep theirs (nginx 60 s, aiohttp 15 s), or one of them
sends a request into a connection that is just being closed, and a POST is not tried again."""


def server(door: Guard, settings: DoorSettings, clients: ClientSettings) -> uvicorn.Server:
    """uvicorn's own access log would hold paths and addresses, so it is off."""
    return uvicorn.Server(
        uvicorn.Config(
            door,
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.certificate_key,
            http=PeerProtocol,
            ws="none",
            **clients.tls_options(),
            limit_concurrency=settings.requests_max,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
            access_log=False,
            server_header=False,
            log_level="warning",
            lifespan="on",
        )
    )
