"""The webhook against real servers on loopback: every answer, every silence, and what is made of it."""

import asyncio
import datetime as dt
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import format_datetime

import pytest
import standardwebhooks

from connectors.courts.endpoint import Endpoint
from connectors.courts.misbehaviour import RESETS, Misbehaviour
from connectors.courts.receiver import Receiver
from connectors.courts.settings import CourtsSettings
from connectors.courts.webhook import Webhook
from stream.core.delivery import Reason
from tests.connectors.courts.cases import OTHER_SECRET, SECRET, notification

QUICK = CourtsSettings(total_s=0.3, connect_s=0.2, private_hosts=frozenset({"127.0.0.1"}))

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def court() -> AsyncIterator[Receiver]:
    async with Receiver(SECRET) as receiver:
        yield receiver


@asynccontextmanager
async def raw_server(talk: Conversation) -> AsyncIterator[Endpoint]:
    """A server that says to each connection what ``talk`` says, after it has read the headers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Endpoint.of("440106", f"http://127.0.0.1:{port}/", SECRET, http_allowed=True)


async def test_a_notification_is_delivered_signed_and_once(court: Receiver) -> None:
    async with Webhook() as webhook:
        attempt = await webhook.post(court.endpoint("440106"), notification("a-1"))
    assert (attempt.outcome, attempt.retry, attempt.status, attempt.detail) == (Reason.DELIVERED, False, 204, "HTTP 204")
    assert attempt.may_have_arrived
    assert 0 < attempt.took_s < 5
    assert [(seen.id, seen.type, seen.court, seen.times) for seen in court.received.values()] == [
        ("a-1", "chakong.hit.v1", "440106", 1)
    ]


async def test_the_reference_package_verifies_the_request_as_it_comes_over_the_wire() -> None:
    seen: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:-2])}
        body = await reader.readexactly(int(headers["content-length"]))
        seen.append((headers, standardwebhooks.Webhook(SECRET).verify(body, headers)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, Webhook() as webhook:
        url = f"http://u:p@127.0.0.1:{server.sockets[0].getsockname()[1]}/a?token=t"
        attempt = await webhook.post(Endpoint.of("440106", url, SECRET, http_allowed=True), notification("a-1"))
    assert attempt.outcome is Reason.DELIVERED
    ((headers, event),) = seen  # type: ignore[misc]
    assert headers["webhook-id"] == event["id"] == "a-1"
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["authorization"] == "Basic dTpw"
    assert event["data"]["sighting"]["person"]["name"] == "王伟"


async def test_a_wrong_secret_is_refused_by_the_court_and_tried_again(court: Receiver) -> None:
    endpoint = Endpoint.of("440106", court.url("440106"), OTHER_SECRET, http_allowed=True)
    async with Webhook() as webhook:
        attempt = await webhook.post(endpoint, notification())
    assert (attempt.outcome, attempt.retry, attempt.status) == (Reason.REFUSED, True, 400)
    assert court.counts["bad_signature"] == 1
    assert not court.received


async def test_a_clock_that_is_off_is_refused_by_the_court(court: Receiver) -> None:
    async with Webhook(clock=lambda: dt.datetime.now(dt.UTC) - dt.timedelta(seconds=301)) as webhook:
        assert (await webhook.post(court.endpoint(), notification())).outcome is Reason.REFUSED
    assert court.counts["stale"] == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_delivery(court: Receiver, status: int) -> None:
    court.misbehave("440106", Misbehaviour(status))
    async with Webhook() as webhook:
        assert (await webhook.post(court.endpoint(), notification())).outcome is Reason.DELIVERED


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503, 599])
async def test_any_other_answer_is_refusal_and_no_redirect_is_followed(court: Receiver, status: int) -> None:
    court.misbehave("440106", Misbehaviour(status, headers={"location": court.url("110101")}))
    async with Webhook() as webhook:
        attempt = await webhook.post(court.endpoint(), notification())
    assert (attempt.outcome, attempt.retry, attempt.status) == (Reason.REFUSED, True, status)
    assert court.counts["requests"] == 1


async def test_an_endpoint_that_answers_nothing_times_out_and_its_connection_is_not_used_again(court: Receiver) -> None:
    court.misbehave("440106", Misbehaviour(wait_s=float("inf"), times=1))
    async with Webhook(QUICK) as webhook:
        hung = await webhook.post(court.endpoint(), notification())
        after = await webhook.post(court.endpoint(), notification())
    assert (hung.outcome, hung.retry, hung.status, hung.may_have_arrived) == (Reason.TIMED_OUT, True, None, True)
    assert 0.25 < hung.took_s < 2
    assert after.outcome is Reason.DELIVERED


async def test_a_slow_answer_within_the_time_is_delivery(court: Receiver) -> None:
    court.misbehave("440106", Misbehaviour(204, wait_s=0.1, keeps=True))
    async with Webhook(QUICK) as webhook:
        attempt = await webhook.post(court.endpoint(), notification())
    assert attempt.outcome is Reason.DELIVERED
    assert len(court.received) == 1


async def test_a_reset_connection_is_unreachable_and_may_have_arrived(court: Receiver) -> None:
    court.misbehave("440106", RESETS)
    async with Webhook(QUICK) as webhook:
        attempt = await webhook.post(court.endpoint(), notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.UNREACHABLE, True, True)


async def test_a_closed_port_is_unreachable_and_nothing_arrived() -> None:
    async with Receiver(SECRET) as court:
        endpoint = court.endpoint()
    async with Webhook(QUICK) as webhook:
        attempt = await webhook.post(endpoint, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.UNREACHABLE, True, False)
    assert attempt.detail.startswith("ClientConnectorError: ")


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    async with Webhook(CourtsSettings(total_s=3)) as webhook:
        attempt = await webhook.post(Endpoint.of("440106", "https://court.invalid/", SECRET), notification())
    assert attempt.outcome in (Reason.UNREACHABLE, Reason.TIMED_OUT)
    assert attempt.retry
    assert not attempt.may_have_arrived


async def test_a_connect_that_nobody_answers_times_out_and_nothing_arrived() -> None:
    """TLS towards a server that accepts and says nothing: the handshake is part of connecting."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with raw_server(talk) as plain, Webhook(QUICK) as webhook:
        url = plain.url.get_secret_value().replace("http:", "https:")
        attempt = await webhook.post(Endpoint.of("440106", url, SECRET), notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.TIMED_OUT, True, False)


async def test_a_server_that_is_not_http_is_unreachable_and_not_quoted() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write("王伟 is not HTTP\r\n\r\n".encode())
        await writer.drain()

    async with raw_server(talk) as endpoint, Webhook(QUICK) as webhook:
        attempt = await webhook.post(endpoint, notification())
    assert (attempt.outcome, attempt.detail) == (Reason.UNREACHABLE, "ClientResponseError")


async def test_the_status_decides_when_the_body_never_ends() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx")
        await asyncio.sleep(5)

    async with raw_server(talk) as endpoint, Webhook(QUICK) as webhook:
        attempt = await webhook.post(endpoint, notification())
    assert (attempt.outcome, attempt.status) == (Reason.DELIVERED, 200)
    assert attempt.took_s < 2


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    written = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            written += 65_536

    async with raw_server(talk) as endpoint, Webhook() as webhook:
        attempt = await webhook.post(endpoint, notification())
        assert attempt.outcome is Reason.DELIVERED
        assert attempt.took_s < 5
    assert written < 64 << 20


@pytest.mark.parametrize(
    ("header", "wanted_s"),
    [("7", 7.0), ("0", 0.0), ("999999999999999", 3600.0), ("soon", None), ("-1", None), ("", None), ("١", None)],
)
async def test_retry_after_is_a_capped_hint(court: Receiver, header: str, wanted_s: float | None) -> None:
    court.misbehave("440106", Misbehaviour(503, headers={"retry-after": header}))
    async with Webhook() as webhook:
        assert (await webhook.post(court.endpoint(), notification())).retry_after_s == wanted_s


async def test_retry_after_may_be_a_date(court: Receiver) -> None:
    now = dt.datetime.now(dt.UTC)
    async with Webhook(clock=lambda: now) as webhook:
        for moment, low, high in ((now + dt.timedelta(seconds=90), 88, 91), (now - dt.timedelta(days=1), 0, 0)):
            court.misbehave("440106", Misbehaviour(429, headers={"retry-after": format_datetime(moment, usegmt=True)}))
            hint_s = (await webhook.post(court.endpoint(), notification())).retry_after_s
            assert hint_s is not None
            assert low <= hint_s <= high


async def test_a_certificate_of_nobody_known_is_unreachable_and_nothing_arrived(tls_court: Endpoint) -> None:
    async with Webhook(QUICK) as webhook:
        attempt = await webhook.post(tls_court, notification())
    assert (attempt.outcome, attempt.may_have_arrived) == (Reason.UNREACHABLE, False)
    assert "CERTIFICATE_VERIFY_FAILED" in attempt.detail


async def test_nothing_is_logged_of_a_url_a_body_or_a_header(court: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with Webhook() as webhook:
            endpoint = Endpoint.of("440106", court.url() + "?token=t0k", SECRET, http_allowed=True)
            await webhook.post(endpoint, notification())
    assert "t0k" not in caplog.text
    assert "王伟" not in caplog.text
    assert "v1," not in caplog.text


@pytest.fixture
async def tls_court(self_signed: ssl.SSLContext) -> AsyncIterator[Endpoint]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed) as server:
        yield Endpoint.of("440106", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", SECRET)


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=court.test"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
