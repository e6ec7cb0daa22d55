"""A small receiving court: a real web server that checks signatures for itself and remembers what it was told.

For the demo, the tests and the benchmarks. It can be told to misbehave, since courts do.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiohttp import web

from connectors.courts.endpoint import ANY_COURT, Endpoint
from connectors.courts.misbehaviour import Misbehaviour, misbehave
from connectors.courts.signature import secret_key

TOLERANCE_S: Final = 300
BODY_BYTES_MAX: Final = 2 << 20
CONTENT_TYPE: Final = "application/cloudevents+json"


@dataclass(slots=True)
class Received:
    """A notification as it first came, and how often it came. ``monotonic_s`` is on ``time.monotonic``'s clock."""

    id: str
    type: str
    subject: str
    court: str
    at: dt.datetime
    monotonic_s: float
    order_id: str = ""
    measure: str = ""
    certainty: str = ""
    instruction: str = ""
    times: int = 1


class _CourtOf(msgspec.Struct):
    code: str = ""


class _Data(msgspec.Struct):
    court: _CourtOf | None = None
    order_id: str = ""
    measure: str = ""
    certainty: str = ""
    instruction: str = ""

    @property
    def court_code(self) -> str:
        """Empty for an incident that is no court's."""
        return "" if self.court is None else self.court.code


class _Event(msgspec.Struct):
    specversion: str
    id: str
    type: str
    source: str
    subject: str
    data: _Data


class _RefusedError(Exception):
    """A request that is no good notification; the text is also the counter's name."""


class Receiver:
    """The web server. ``secret`` is a ``whsec_…``; ``url`` gives each court, or all of them together, a path."""

    def __init__(
        self,
        secret: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_notification: Callable[[Received], None] | None = None,
        kept_max: int = 1_000_000,
    ) -> None:
        """``on_notification`` is called each time a good notification comes, repeats included, before it is answered.

        Only the last ``kept_max`` notifications are remembered.
        """
        self.received: Final[dict[str, Received]] = {}
        self.counts: Final[Counter[str]] = Counter()
        self.times_s: Final[deque[float]] = deque(maxlen=100_000)
        self._secret: Final = secret
        self._key: Final = secret_key(secret)
        self._on_notification: Final = on_notification
        self._kept_max: Final = kept_max
        self._misbehaviours: Final[dict[str, Misbehaviour]] = {}
        self._decoder: Final = msgspec.json.Decoder(_Event)
        self._runner: Final = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.1)
        self._host: Final = host
        self.port = port

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, court: str = ANY_COURT) -> str:
        """The URL for a court; for any court it has no path."""
        return f"http://{self._host}:{self.port}/" + ("" if court == ANY_COURT else f"courts/{court}")

    def endpoint(self, court: str = ANY_COURT) -> Endpoint:
        """The court's endpoint here."""
        return Endpoint.of(court, self.url(court), self._secret, http_allowed=True)

    def entry(self, court: str = ANY_COURT) -> str:
        """The court's entry for a file of endpoints."""
        fields = {"court": court, "url": self.url(court), "secret": self._secret, "allow_http": True}
        return "[[endpoint]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())

    def misbehave(self, where: str, misbehaviour: Misbehaviour | None) -> None:
        """Misbehave from now on at a path (``/…``) or to a court's code; None: behave again."""
        if misbehaviour is None:
            self._misbehaviours.pop(where, None)
        else:
            self._misbehaviours[where] = replace(misbehaviour)  # counted down here, not in the caller's

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.counts["requests"] += 1
        try:
            body = await _body(request)
            event = self._verified(request, body)
        except _RefusedError as refusal:
            self.counts[str(refusal)] += 1
            return web.Response(status=400, text=str(refusal))
        misbehaviour = self._next_misbehaviour(request.path, event.data.court_code)
        if misbehaviour is None or misbehaviour.keeps:
            self._keep(event)
        if misbehaviour is None:
            return web.Response(status=204)
        self.counts["misbehaved"] += 1
        return await misbehave(request, misbehaviour)

    def _verified(self, request: web.BaseRequest, body: bytes) -> _Event:
        headers = request.headers
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type"):
            if len(headers.getall(name, ())) != 1:
                raise _RefusedError("header_missing")
        check_signature(self._key, headers, body, time.time())
        if request.content_type != CONTENT_TYPE:
            raise _RefusedError("not_a_cloudevent")
        try:
            event = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _RefusedError("not_a_cloudevent") from None
        if event.specversion != "1.0" or event.id != headers["webhook-id"]:
            raise _RefusedError("not_a_cloudevent")
        return event

    def _keep(self, event: _Event) -> None:
        self.counts[event.type] += 1
        now_s = time.monotonic()
        self.times_s.append(now_s)
        known = self.received.get(event.id)
        if known is not None:
            self.counts["repeats"] += 1
            known.times += 1
        else:
            data = event.data
            what = (data.order_id, data.measure, data.certainty, data.instruction)
            known = Received(event.id, event.type, event.subject, data.court_code, dt.datetime.now(dt.UTC), now_s, *what)
            self.received[event.id] = known
            if len(self.received) > self._kept_max:
                del self.received[next(iter(self.received))]
        if self._on_notification is not None:
            self._on_notification(known)

    def _next_misbehaviour(self, path: str, court: str) -> Misbehaviour | None:
        for where in (path, court):
            misbehaviour = self._misbehaviours.get(where)
            if misbehaviour is None:
                continue
            if misbehaviour.times is None:
                return misbehaviour
            if misbehaviour.times > 0:
                misbehaviour.times -= 1
                return misbehaviour
        return None


def check_signature(key: bytes, headers: Mapping[str, Any], body: bytes, now_s: float) -> None:
    """Check a notification as the receiver's side of Standard Webhooks asks. Raises _RefusedError."""
    stamp = headers["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise _RefusedError("bad_timestamp")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise _RefusedError("stale")
    wanted = hmac.new(key, b".".join((headers["webhook-id"].encode(), stamp.encode(), body)), hashlib.sha256).digest()
    for signature in headers["webhook-signature"].split(" "):
        version, _, encoded = signature.partition(",")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        if version == "v1" and hmac.compare_digest(wanted, given):
            return
    raise _RefusedError("bad_signature")


async def _body(request: web.BaseRequest) -> bytes:
    if request.method != "POST":
        raise _RefusedError("not_a_post")
    chunks, left = [], BODY_BYTES_MAX
    async for chunk in request.content.iter_any():
        chunks.append(chunk)
        left -= len(chunk)
        if left < 0:
            raise _RefusedError("too_long")
    return b"".join(chunks)
