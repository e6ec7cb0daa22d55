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
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TLS: Final = "tls"
PEER: Final = "chakong.peer"
HEAD_BYTES_MAX: Final = 1 << 16
"""Bytes of a request before its body. The parser sets none, and would keep all that a stranger sends."""


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it with httptools, whose application knows its peer. What comes behind a body is no header."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head, self._head_bytes = True, 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self.send_400_response("The request's head is too large.")

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
