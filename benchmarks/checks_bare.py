"""What checks are held against: the same server, with nothing behind it. ``python -m benchmarks.checks_bare PORT``."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

_BODY = b'{"answer":"clear"}'


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    """Read the request, and say that it is clear."""
    while (await receive()).get("more_body"):
        continue
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    uvicorn.run(bare, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning", lifespan="off")
