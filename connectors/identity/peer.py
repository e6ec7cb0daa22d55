"""Who is at the other end of a connection: uvicorn's protocol, and in each request's scope what TLS and the socket say of them.

uvicorn tells an application neither the client's certificate nor, once a proxy's headers were believed, from whom the
connection came. Both are put into the scope before anything looks at it: the certificate as the ASGI TLS extension has it,
the address as an extension of our own.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TLS: Final = "tls"
PEER: Final = "chakong.peer"
HEAD_BYTES_MAX: Final = 1 << 16
"""Bytes of a request before its body. The parser sets none, and would keep all that a stranger sends."""

BYTES_TOGETHER_MAX: Final = 1 << 16
"""What is more leaves at once, and is not copied."""


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it with httptools, whose application knows its peer. What comes behind a body is no header."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head, self._head_bytes = True, 0
        self._extensions: dict[str, Any] = {}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions
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
        self.transport = OneWrite(transport, self.loop)
        self._extensions[PEER] = {"address": self.client[0] if self.client else None}
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is not None:
            shown = tls.getpeercert(binary_form=True)
            self._extensions[TLS] = {
                "server_cert": None,
                "client_cert_chain": [] if shown is None else [ssl.DER_cert_to_PEM_cert(shown)],
                "client_cert_name": None,
                "client_cert_error": None,
                "tls_version": None,
                "cipher_suite": None,
            }


class OneWrite(asyncio.Transport):
    """A transport's writing side, where what is written within one turn of the loop leaves as one.

    uvicorn writes an answer's head and its body apart. Both would be a system call of ours, and wake whoever waits for them.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._written = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(self._written) + len(data) > BYTES_TOGETHER_MAX:
            self._leave()
            self._transport.write(data)
            return
        if not self._written:
            self._loop.call_soon(self._leave)
        self._written += data

    def close(self) -> None:
        self._leave()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _leave(self) -> None:
        if self._written:
            written, self._written = self._written, bytearray()
            self._transport.write(written)
