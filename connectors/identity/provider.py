"""Where a provider's keys come from: its discovery document, a URL, or a file.

Exception
└── ProviderError    they cannot be had just now; its text holds a host and a reason, and nothing that was sent
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from connectors.identity.keyset import SET_BYTES_MAX
from connectors.identity.settings import OidcSettings, checked_url

DISCOVERY: Final = "/.well-known/openid-configuration"
_CHUNK: Final = 1 << 14


class ProviderError(Exception):
    """The provider's keys cannot be had."""


class Published:
    """The keys of one provider. Each time they are asked for, they are fetched."""

    def __init__(self, settings: OidcSettings) -> None:
        """Raises ValueError: the file of certificate authorities cannot be used."""
        if settings.issuer is None:
            raise ValueError("CHAKONG_API_OIDC_ISSUER is not set")
        self._settings, self._issuer = settings, settings.issuer
        try:
            self._trust: Final = ssl.create_default_context(cafile=settings.ca_file)
        except OSError as error:
            raise ValueError(f"CHAKONG_API_OIDC_CA_FILE: {settings.ca_file}: {error.strerror or error}") from None

    async def fetch(self) -> bytes:
        """The key set as it is published now.

        Raises:
            ProviderError: the provider does not answer, or with what is no answer.
        """
        if self._settings.jwks_file is not None:
            return await asyncio.to_thread(_read, self._settings.jwks_file)
        try:
            async with asyncio.timeout(self._settings.fetch_s_max), self._session() as session:
                return await self._get(session, self._settings.jwks_url or await self._discover(session))
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise ProviderError(f"{URL(self._issuer).host}: {type(error).__name__}") from None

    def _session(self) -> aiohttp.ClientSession:
        """One for each fetch: they are minutes apart. No proxy of the environment's is asked."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._trust), trust_env=False)

    async def _discover(self, session: aiohttp.ClientSession) -> str:
        raw = await self._get(session, self._issuer.rstrip("/") + DISCOVERY)
        try:
            said = msgspec.json.decode(raw, type=_Discovery)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ProviderError(f"{URL(self._issuer).host}: its discovery document cannot be read") from None
        if said.issuer != self._issuer:
            raise ProviderError(f"{URL(self._issuer).host}: its discovery document is another issuer's")
        try:
            return checked_url(said.jwks_uri)
        except ValueError:
            raise ProviderError(f"{URL(self._issuer).host}: its keys are at no https URL") from None

    async def _get(self, session: aiohttp.ClientSession, url: str) -> bytes:
        """A redirect is not followed: whoever could make one could name keys of their own."""
        async with session.get(url, allow_redirects=False, headers={"accept": "application/json"}) as response:
            if response.status != 200:
                raise ProviderError(f"{response.url.host}: status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > SET_BYTES_MAX:
                    raise ProviderError(f"{response.url.host}: an answer of more than {SET_BYTES_MAX} bytes")
            return bytes(body)


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SET_BYTES_MAX + 1)
    except OSError as error:
        raise ProviderError(f"{path}: {error.strerror or error}") from None
