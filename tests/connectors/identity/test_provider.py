"""Fetching a provider's keys over real HTTP, from providers that behave and from those that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.identity.provider import DISCOVERY, ProviderError, Published
from connectors.identity.settings import OidcSettings
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
    runner = web.AppRunner(app)
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
