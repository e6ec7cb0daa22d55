"""Receivers that others could have written: one knows only the ``standardwebhooks`` package, one only the CloudEvents SDK.

Both are web servers of the standard library's; neither has seen this project.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import standardwebhooks
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from connectors.courts.endpoints import Endpoint
from connectors.courts.webhook import Attempt, Webhook
from stream.core.delivery import Reason
from stream.core.notification import Notification, hit_notification, withdrawal_notification
from tests.connectors.courts.cases import OTHER_SECRET, SECRET
from tests.stream.core.hits import AT, hit

Accept = Callable[[Mapping[str, str], bytes], Any]
"""Makes of a request what it says, or raises."""

EVENTS = {
    "a hit": hit_notification(hit(), update=False, at=AT),
    "an update": hit_notification(hit(version=2), update=True, at=AT),
    "a withdrawal": withdrawal_notification(hit(), "revoked", at=AT),
}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        accept, accepted = self.server.accept, self.server.accepted  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            accepted.append(accept(dict(self.headers), body))
            self.send_response(204)
        except Exception:
            self.send_response(400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(accept: Accept) -> Iterator[tuple[str, list[Any]]]:
    """A receiver's URL, and what it has accepted."""
    accepted: list[Any] = []
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.accept, server.accepted = accept, accepted  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hits", accepted
        server.shutdown()
        thread.join(5)


def sent(url: str, notification: Notification, secret: str = SECRET) -> Attempt:
    async def post() -> Attempt:
        async with Webhook() as webhook:
            return await webhook.post(Endpoint.of("440106", url, secret, http_allowed=True), notification)

    return asyncio.run(post())


def as_standard_webhook(headers: Mapping[str, str], body: bytes) -> Any:
    return standardwebhooks.Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})


def as_cloudevent(headers: Mapping[str, str], body: bytes) -> BaseCloudEvent:
    return from_http_event(HTTPMessage(dict(headers), body))


@pytest.mark.parametrize("notification", EVENTS.values(), ids=EVENTS)
def test_a_receiver_that_knows_only_standard_webhooks_accepts_it(notification: Notification) -> None:
    with receiving(as_standard_webhook) as (url, accepted):
        attempt = sent(url, notification)
    assert attempt.outcome is Reason.DELIVERED
    (payload,) = accepted
    assert payload["data"] == notification.data


def test_a_receiver_that_knows_only_standard_webhooks_refuses_what_another_has_signed() -> None:
    with receiving(as_standard_webhook) as (url, accepted):
        attempt = sent(url, EVENTS["a hit"], OTHER_SECRET)
    assert (attempt.outcome, attempt.status, accepted) == (Reason.REFUSED, 400, [])


@pytest.mark.parametrize("notification", EVENTS.values(), ids=EVENTS)
def test_a_receiver_that_knows_only_cloudevents_accepts_it(notification: Notification) -> None:
    with receiving(as_cloudevent) as (url, accepted):
        attempt = sent(url, notification)
    assert attempt.outcome is Reason.DELIVERED
    (event,) = accepted
    required = (event.get_specversion(), event.get_id(), event.get_source(), event.get_type())
    assert required == ("1.0", notification.id, "urn:chakong", notification.type)
    assert (event.get_subject(), event.get_datacontenttype()) == (notification.subject, "application/json")
    assert event.get_time() == notification.time
    assert isinstance(event.get_time(), datetime)
    assert event.get_data() == notification.data


def test_both_read_the_same_request() -> None:
    """Structured mode: the event is whole in the body, so that the signature covers all of it and no header repeats it."""

    def as_both(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], Any, BaseCloudEvent]:
        return headers, as_standard_webhook(headers, body), as_cloudevent(headers, body)

    with receiving(as_both) as (url, accepted):
        assert sent(url, EVENTS["a hit"]).outcome is Reason.DELIVERED
    ((headers, payload, event),) = accepted
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["content-type"] == "application/cloudevents+json"
    assert not [name for name in lower if name.startswith("ce-")]
    assert lower["webhook-id"] == payload["id"] == event.get_id()
    assert event.get_data() == payload["data"]
