"""E-mail against a real SMTP server on loopback: what it accepts, what it refuses, and what is made of it."""

import asyncio
import email.policy
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr, ValidationError

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.settings import CourtsSettings, SmtpSettings
from stream.core.delivery import Reason
from tests.connectors.courts.cases import notification

PASSWORD = "a pass word"
DUTY = Endpoint(court="440106", channel="email", url=SecretStr("mailto:duty@court.example"))


class Relay:
    """A mail relay that keeps what it is sent, or answers as it is told."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.users: list[str] = []
        self.on_rcpt = "250 OK"
        self.on_data = "250 OK"
        self.hangs = False

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.on_rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.on_rcpt

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        if self.on_data.startswith("250"):
            self.envelopes.append(envelope)
        return self.on_data

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and given.password == PASSWORD.encode()
        if good:
            self.users.append(given.login.decode())
        return AuthResult(success=good, handled=False)

    @asynccontextmanager
    async def listening(self, trust: ssl.SSLContext | None = None, *, tls: bool = False) -> AsyncIterator[int]:
        def protocol() -> SMTP:
            starttls = None if tls else trust
            needs = starttls is not None
            return SMTP(
                self, tls_context=starttls, require_starttls=needs, auth_required=needs, authenticator=self.authenticate
            )

        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=trust if tls else None)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


def channels(port: int, ca_file: Path | None = None, total_s: float = 5.0, **smtp: Any) -> Channels:
    given = {"host": "127.0.0.1", "port": port, "sender": "chakong@engine.example", "security": "none", **smtp}
    return Channels(CourtsSettings(ca_file=ca_file, total_s=total_s, chakong_part_smtp=SmtpSettings(**given)))  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("mail")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=relay.test"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def test_a_message_is_accepted_in_words_with_the_event_attached() -> None:
    relay = Relay()
    news = notification("5b6f3c0e-0000-5000-8000-000000000001", case_number="(2026)粤0106执1234号")
    async with relay.listening() as port, channels(port) as ways:
        attempt = await ways.post(DUTY, news)
    assert (attempt.outcome, attempt.status, attempt.may_have_arrived) == (Reason.DELIVERED, 250, True)
    (envelope,) = relay.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("chakong@engine.example", ["duty@court.example"])
    message = cast(EmailMessage, email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default))
    assert message["message-id"] == f"<{news.id}@engine.example>"
    assert message["subject"] == f"【查控】发现查控对象 Chakong hit {news.id}"
    text = message.get_body()
    assert text is not None
    assert "案号：(2026)粤0106执1234号" in text.get_content()
    assert "王伟" not in text.get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/cloudevents+json"
    assert attached.get_content() == news.body()
    assert json.loads(attached.get_content())["data"]["sighting"]["person"]["name"] == "王伟"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_it_goes_over_verified_tls_with_user_and_password(
    certificate: tuple[Path, ssl.SSLContext], security: str, tmp_path: Path
) -> None:
    ca_file, trust = certificate
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    relay = Relay()
    given = {"security": security, **({"user": "chakong", "password_file": secret} if security == "starttls" else {})}
    async with relay.listening(trust, tls=security == "tls") as port:
        async with channels(port, ca_file, **given) as ways:
            assert (await ways.post(DUTY, notification())).outcome is Reason.DELIVERED
        async with channels(port, **given) as ways:
            unknown = await ways.post(DUTY, notification())
    assert (unknown.outcome, unknown.retry, unknown.may_have_arrived) == (Reason.UNREACHABLE, True, False)
    assert len(relay.envelopes) == 1
    assert relay.users == (["chakong"] if security == "starttls" else [])


async def test_a_relay_without_starttls_is_sent_nothing() -> None:
    relay = Relay()
    async with relay.listening() as port, channels(port, security="starttls") as ways:
        attempt = await ways.post(DUTY, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.UNREACHABLE, True, False)
    assert not relay.envelopes


async def test_a_wrong_password_is_refused_and_tried_again(certificate: tuple[Path, ssl.SSLContext]) -> None:
    ca_file, trust = certificate
    given = {"security": "starttls", "user": "chakong", "password": "wrong"}
    async with Relay().listening(trust) as port, channels(port, ca_file, **given) as ways:
        attempt = await ways.post(DUTY, notification())
    assert (attempt.outcome, attempt.retry, attempt.status, attempt.may_have_arrived) == (Reason.REFUSED, True, 535, False)


@pytest.mark.parametrize(
    ("rcpt", "data", "status", "retry"),
    [
        ("550 no such user duty@court.example", "250 OK", 550, False),
        ("450 try later", "250 OK", 450, True),
        ("250 OK", "554 not now", 554, True),
        ("250 OK", "451 later", 451, True),
    ],
)
async def test_a_refusal_keeps_its_code_and_says_whether_to_try_again(rcpt: str, data: str, status: int, retry: bool) -> None:
    relay = Relay()
    relay.on_rcpt, relay.on_data = rcpt, data
    async with relay.listening() as port, channels(port) as ways:
        attempt = await ways.post(DUTY, notification())
    assert (attempt.outcome, attempt.status, attempt.retry) == (Reason.REFUSED, status, retry)
    assert attempt.detail == f"SMTP {status}"
    assert not attempt.may_have_arrived


async def test_a_relay_that_hangs_times_out_and_may_have_taken_it() -> None:
    relay = Relay()
    relay.hangs = True
    async with relay.listening() as port, channels(port, total_s=0.5) as ways:
        attempt = await ways.post(DUTY, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.TIMED_OUT, True, True)


async def test_a_relay_that_is_away_is_unreachable_and_nothing_arrived() -> None:
    async with Relay().listening() as port:
        pass
    async with channels(port) as ways:
        attempt = await ways.post(DUTY, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.UNREACHABLE, True, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: {"host": "relay.example"}, "CHAKONG_SMTP_SENDER"),
        (lambda: {"host": "relay.example", "sender": "a@b.example", "security": "none"}, "starttls or tls"),
        (lambda: {"host": "relay.example", "sender": "a@b.example", "user": "u"}, "CHAKONG_SMTP_PASSWORD_FILE"),
        (lambda: {"host": "relay.example", "sender": "a@b.example", "password": "p4ss"}, "CHAKONG_SMTP_USER"),
    ],
)
def test_settings_that_are_not_whole_are_refused(given: Callable[[], dict[str, Any]], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        SmtpSettings(**given())
    assert "p4ss" not in str(refused.value)
