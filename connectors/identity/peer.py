"""Who is at the other end of a connection: uvicorn's protocol, and in each request's scope what TLS and the socket say of them.

uvicorn tells an application neither the client's certificate nor, once a proxy's headers were believed, from whom the
connection came. Both are put into the scope before anything looks at it: the certificate as the ASGI TLS extension has it,
the address as an extension of our own.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

TLS: Final = "tls"
PEER: Final = "chakong.peer"


class PeerProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, whose application knows its peer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        extensions: dict[str, Any] = {PEER: {"address": self.client[0] if self.client else None}}
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is not None:
            shown = tls.getpeercert(binary_form=True)
            extensions[TLS] = {
                "server_cert": None,
                "client_cert_chain": [] if shown is None else [ssl.DER_cert_to_PEM_cert(shown)],
                "client_cert_name": None,
                "client_cert_error": None,
                "tls_version": None,
                "cipher_suite": None,
            }
        self.app: Any = _with(self.app, extensions)


def _with(app: Any, extensions: dict[str, Any]) -> ASGIApp:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {**scope.get("extensions", {}), **extensions}}, receive, send)

    return told
