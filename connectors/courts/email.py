"""E-mail: a notification in words, the event itself attached, handed to the deployment's mail relay.

Delivery is the relay's acceptance. The Message-ID is made of the event's id, so a repeat is recognised.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.courts.settings import CourtsSettings, SmtpSettings
from stream.core.delivery import Reason
from stream.core.notification import CONTENT_TYPE, Notification
from stream.core.wording import letter

_PERMANENT: Final = 500


class Email:
    """Sends notifications as e-mail, each over a connection of its own."""

    def __init__(self, smtp: SmtpSettings, courts: CourtsSettings) -> None:
        """Raises OSError, ssl.SSLError or ValueError when a file that the settings name cannot be used."""
        if smtp.host is None or smtp.sender is None:
            raise ValueError("CHAKONG_SMTP_HOST and CHAKONG_SMTP_SENDER are needed")
        self._settings: Final = smtp
        self._host, self._sender = smtp.host, smtp.sender
        self._password: Final = smtp.secret()
        self._courts: Final = courts
        self._trust: Final = ssl.create_default_context(cafile=courts.ca_file)

    async def post(self, endpoint: Endpoint, notification: Notification) -> Attempt:
        """Make one attempt. A refusal of the address for good is not tried again."""
        message = self._message(endpoint, notification)
        relay = self._relay()
        began = time.perf_counter()
        sending = False
        try:
            async with asyncio.timeout(self._courts.total_s):
                await relay.connect()  # and TLS and login; relays may greet slowly on purpose
                sending = True
                await relay.send_message(message, sender=self._sender, recipients=[endpoint.address])
        except (aiosmtplib.SMTPException, OSError) as error:  # TimeoutError is an OSError
            return _failed(error, time.perf_counter() - began, sending=sending)
        finally:
            relay.close()
        took_s = time.perf_counter() - began
        return Attempt(Reason.DELIVERED, False, "accepted by the mail relay", 250, took_s, may_have_arrived=True)

    def _relay(self) -> aiosmtplib.SMTP:
        plain = self._settings.security == "none"
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._settings.port,
            username=self._settings.user,
            password=self._password,
            local_hostname=self._sender.rpartition("@")[2],
            timeout=self._courts.total_s,
            use_tls=self._settings.security == "tls",
            start_tls=self._settings.security == "starttls",
            tls_context=None if plain else self._trust,
        )

    def _message(self, endpoint: Endpoint, notification: Notification) -> EmailMessage:
        words = letter(notification)
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("Chakong", addr_spec=self._sender)
        message["To"] = Address(addr_spec=endpoint.address)
        message["Subject"] = words.subject
        message["Date"] = format_datetime(notification.time)
        message["Message-ID"] = f"<{notification.id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(words.text, cte="base64")
        kind, _, form = CONTENT_TYPE.partition("/")
        message.add_attachment(notification.body(), maintype=kind, subtype=form, filename=f"{notification.id}.json")
        return message


def _failed(error: Exception, took_s: float, *, sending: bool) -> Attempt:
    """What a relay says may quote the address, so only its code is kept."""
    code = _code(error)
    if code is not None:
        refused = isinstance(error, aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPRecipientRefused)
        retry = not (refused and code >= _PERMANENT)
        return Attempt(Reason.REFUSED, retry, f"SMTP {code}", code, took_s)
    if isinstance(error, TimeoutError):
        said = "no answer in time (total)" if sending else "no answer in time (connecting)"
        return Attempt(Reason.TIMED_OUT, True, said, None, took_s, may_have_arrived=sending)
    return Attempt(Reason.UNREACHABLE, True, type(error).__name__, None, took_s, may_have_arrived=sending)


def _code(error: Exception) -> int | None:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return max(one.code for one in error.recipients)
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
