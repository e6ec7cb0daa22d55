"""Short messages against a provider on loopback, which holds the adapter to status, retry, idempotency and length."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from connectors.courts.attempt import Attempt
from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.settings import CourtsSettings, SmsSettings
from connectors.courts.sms import ShortMessage, Sms
from stream.core.delivery import Reason
from tests.connectors.courts.cases import notification

TOKEN = "t0ken"
JUDGE = Endpoint(court="440106", channel="sms", url=SecretStr("tel:+8613800000000"))


class Provider:
    """A provider as the contract describes it: it checks what it is sent, and sends a message once for each key."""

    def __init__(self) -> None:
        self.sent: dict[str, dict[str, Any]] = {}
        self.requests = 0
        self.status = 200
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        message = await request.json()
        if request.content_type != "application/json" or set(message) != {"id", "to", "text", "parts"}:
            return web.Response(status=400)
        units = len(message["text"].encode("utf-16-le")) // 2
        if units > (70 if message["parts"] == 1 else 67 * message["parts"]):
            return web.Response(status=422)
        if self.status == 200:
            self.sent.setdefault(request.headers["idempotency-key"], message)
        return web.Response(status=self.status, headers=self.headers)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/messages", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/messages"
        finally:
            await runner.cleanup()


def channels(url: str, token: str = TOKEN, **given: Any) -> Channels:
    return Channels(CourtsSettings(total_s=5, chakong_part_sms=SmsSettings(url=url, token=token, **given)))  # type: ignore[arg-type, call-arg]


async def test_a_message_is_accepted_once_for_its_event() -> None:
    provider = Provider()
    async with provider.listening() as url, channels(url) as ways:
        attempts = [await ways.post(JUDGE, notification("a-1", case_number="(2026)粤0106执1234号")) for _ in range(2)]
    assert [(attempt.outcome, attempt.status) for attempt in attempts] == [(Reason.DELIVERED, 200)] * 2
    assert provider.requests == 2
    (sent,) = provider.sent.values()
    assert (sent["id"], sent["to"], sent["parts"]) == ("a-1", "+8613800000000", 1)
    assert "王伟" not in sent["text"]
    assert "(2026)粤0106执1234号" in sent["text"]


@pytest.mark.parametrize(
    ("status", "retry", "may_have_arrived"),
    [
        *((status, False, False) for status in (400, 404, 422)),
        *((status, True, False) for status in (302, 401, 403, 409, 410, 429)),
        *((status, True, True) for status in (500, 503)),
    ],
)
async def test_each_status_means_one_thing(status: int, retry: bool, may_have_arrived: bool) -> None:
    provider = Provider()
    provider.status, provider.headers = status, {"retry-after": "7", "location": "/messages"}
    async with provider.listening() as url, channels(url) as ways:
        attempt = await ways.post(JUDGE, notification())
    assert (attempt.outcome, attempt.status, attempt.retry) == (Reason.REFUSED, status, retry)
    assert (attempt.retry_after_s, attempt.may_have_arrived) == (7.0, may_have_arrived)
    assert provider.requests == 1


async def test_a_wrong_token_is_refused_and_tried_again(tmp_path: Path) -> None:
    provider = Provider()
    async with provider.listening() as url:
        async with channels(url, "wrong") as ways:
            attempt = await ways.post(JUDGE, notification())
        file = tmp_path / "token"
        file.write_text(TOKEN + "\n")
        sms = SmsSettings(url=SecretStr(url), token_file=file)
        async with Channels(CourtsSettings(chakong_part_sms=sms)) as ways:  # type: ignore[call-arg]
            assert (await ways.post(JUDGE, notification())).outcome is Reason.DELIVERED
    assert (attempt.outcome, attempt.retry, attempt.status) == (Reason.REFUSED, True, 401)


@pytest.mark.parametrize(("parts_max", "parts"), [(1, 1), (2, 2), (3, 3)])
async def test_a_long_message_is_cut_to_its_parts(parts_max: int, parts: int) -> None:
    provider = Provider()
    async with provider.listening() as url, channels(url, parts_max=parts_max) as ways:
        attempt = await ways.post(JUDGE, notification(case_number="执" * 500))
    assert attempt.outcome is Reason.DELIVERED
    (sent,) = provider.sent.values()
    assert sent["parts"] == parts


async def test_a_provider_that_is_away_is_unreachable_and_nothing_arrived() -> None:
    async with Provider().listening() as url:
        pass
    async with channels(url) as ways:
        attempt = await ways.post(JUDGE, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.UNREACHABLE, True, False)


async def test_another_provider_needs_one_method() -> None:
    class Own:
        async def send(self, message: ShortMessage) -> Attempt:
            return Attempt(Reason.DELIVERED, False, f"{message.key} {message.to} {message.parts}")

    assert (await Sms(Own(), 3).post(JUDGE, notification("a-1"))).detail == "a-1 +8613800000000 1"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://sms.example/t0k", "token": "t"}, "plain http is not allowed"),
        ({"url": "https://sms.example/t0k"}, "CHAKONG_SMS_TOKEN_FILE"),
    ],
)
def test_settings_that_are_not_whole_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        SmsSettings(**given)
    assert "t0k" not in str(refused.value)
