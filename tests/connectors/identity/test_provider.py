"""Fetching a provider's keys over real HTTP, from providers that behave and from those that do not."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from connectors.identity.access_tokens import AccessTokens, Refusal, TokenRefusedError
from connectors.identity.keyring import Keyring, Times
from connectors.identity.provider import DISCOVERY, ProviderError, Published
from connectors.identity.settings import OidcSettings
from deploy.local.ports import free_port
from deploy.local.probe import http_silence, wait_for
from stream.core.authority import Grant, Role
from tests.connectors.identity.issuing import SET


class Provider:
    """A web server on loopback that says what it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.discovery: Any = {}
        self.jwks: bytes = SET
        self.status, self.waits_s = 200, 0.0
        self.asked: list[str] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        await asyncio.sleep(self.waits_s)
        if self.status in (301, 302, 307):
            raise web.HTTPFound(f"{self.url}/elsewhere")
        if request.path == DISCOVERY:
            return web.json_response(self.discovery, status=self.status)
        return web.Response(body=self.jwks, status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made.discovery = {"issuer": made.url, "jwks_uri": f"{made.url}/keys"}
    yield made
    await runner.cleanup()


async def fetched(provider: Provider, **settings: Any) -> bytes:
    return await Published(OidcSettings(issuer=provider.url, **settings)).fetch()


async def test_S5_1_keys_are_found_by_discovery_at_an_address_or_in_a_file(provider: Provider, tmp_path: Path) -> None:
    assert await fetched(provider) == SET
    assert await fetched(provider, jwks_url=f"{provider.url}/own") == SET
    assert provider.asked == [DISCOVERY, "/keys", "/own"]
    (tmp_path / "jwks.json").write_bytes(SET)
    assert await fetched(provider, jwks_file=tmp_path / "jwks.json") == SET
    with pytest.raises(ProviderError, match=r"none\.json: No such file"):
        await fetched(provider, jwks_file=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 302}, "status 302"),
        ({"waits_s": 5.0}, "TimeoutError"),
        (
            {"discovery": {"issuer": "https://id.other.example", "jwks_uri": "https://id.other.example/keys"}},
            "another issuer's",
        ),
        ({"discovery": []}, "cannot be read"),
        ({"discovery": {"issuer": "x"}}, "cannot be read"),
    ],
)
async def test_S5_1_what_is_no_answer_is_none_and_no_redirect_is_followed(
    provider: Provider, changes: dict[str, Any], says: str
) -> None:
    vars(provider).update(changes)
    with pytest.raises(ProviderError, match=says):
        await fetched(provider, fetch_s_max=0.3)
    assert provider.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "elsewhere", ["http://id.court.example/keys", "file:///etc/passwd", "https://u:p@id.example/keys", "x"]
)
async def test_S5_1_keys_at_no_secure_address_are_not_asked_for(provider: Provider, elsewhere: str) -> None:
    provider.discovery = {"issuer": provider.url, "jwks_uri": elsewhere}
    with pytest.raises(ProviderError, match="at no https URL"):
        await fetched(provider)


async def test_S5_1_an_answer_has_a_bound(provider: Provider) -> None:
    provider.jwks = b"x" * 400_000
    with pytest.raises(ProviderError, match="more than 262144 bytes"):
        await fetched(provider)


async def test_S5_1_a_provider_that_is_not_there_is_told_by_its_host(provider: Provider) -> None:
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1: Client"):
        await Published(OidcSettings(issuer="http://127.0.0.1:1")).fetch()


async def logged_in(url: str, client: str) -> dict[str, Any]:
    """What an independent provider gives a client for whose user it was asked."""
    back = "http://127.0.0.1:9999/back"
    asked = {"client_id": client, "redirect_uri": back, "response_type": "code", "scope": "openid profile"}
    async with aiohttp.ClientSession() as session:
        login = session.post(f"{url}/oauth2/authorize", params=asked, data={"sub": "u-1001"}, allow_redirects=False)
        async with login as answer:
            code = URL(answer.headers["location"]).query["code"]
        proof = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        proof |= {"client_id": client, "client_secret": "any"}
        async with session.post(f"{url}/oauth2/token", data=proof) as answer:
            said: dict[str, Any] = await answer.json()
            return said


NAMING: Final = """
from oidc_provider_mock import _app
from oidc_provider_mock.__main__ import run
plain = _app.OpenIDCode.get_jwt_config
def named(self, *asked):
    config = plain(self, *asked)
    return config | {"kid": config["key"]["kid"]}
_app.OpenIDCode.get_jwt_config = named
run()
"""
"""The provider, but for its tokens: they name their key, which it leaves out since it has one only."""


@pytest.fixture
def independent(tmp_path: Path) -> Iterator[str]:
    """oidc-provider-mock as a process of its own, with one user."""
    port = free_port()
    user = {"sub": "u-1001", "name": "李法官", "chakong_grants": [{"role": "handler", "court": "440106"}]}
    words = ["-c", NAMING, "--port", str(port), "--user-claims", json.dumps(user)]
    with (tmp_path / "provider.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log)
        assert wait_for(lambda: http_silence(port, DISCOVERY), 30.0) is None, (tmp_path / "provider.log").read_text()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(20)


async def test_S5_1_an_independent_providers_tokens_are_known_and_others_of_it_are_not(independent: str) -> None:
    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    # It makes no JWTs for access, so a deployment that takes its ID tokens is tried, and one that does not.
    settings = OidcSettings(issuer=independent, types="JWT", required="")
    strict = OidcSettings(issuer=independent)
    keyring = Keyring(Published(settings), settings.algorithms.split(), Times(300.0, 10.0, 3600.0))
    given, others = await logged_in(independent, "chakong"), await logged_in(independent, "another-client")
    known = await AccessTokens(settings, keyring, now).principal(given["id_token"])
    assert (known.name, known.grants) == ("李法官", (Grant(Role.HANDLER, court="440106"),))
    assert known.id.startswith("u-1001@")
    for refused, by, why in (
        (others["id_token"], settings, Refusal.AUDIENCE),
        (given["id_token"], strict, Refusal.TYPE),
        (given["access_token"], settings, Refusal.OTHER),
    ):
        with pytest.raises(TokenRefusedError) as error:
            await AccessTokens(by, keyring, now).principal(refused)
        assert error.value.reason is why
