"""Settings of who the door takes somebody for, from the environment (``CHAKONG_API_OIDC_…``, ``CHAKONG_API_CLIENT_…``)."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from yarl import URL

from connectors.courts.addresses import is_loopback
from connectors.courts.settings import Seconds
from connectors.identity.keyset import ALGORITHMS


class OidcSettings(BaseSettings):
    """The identity provider whose access tokens the door takes; without an issuer it takes none."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_API_OIDC_", frozen=True, extra="ignore")

    issuer: str | None = Field(default=None, description="the provider's issuer, exactly as its tokens name it")
    audience: str = Field(default="chakong", min_length=1, description="what a token must be for")
    jwks_url: str | None = Field(default=None, description="its keys; without it, from its discovery document")
    jwks_file: Path | None = Field(default=None, description="its keys as a file, in place of a URL")
    ca_file: Path | None = Field(default=None, description="certificate authorities to trust in place of the system's")
    algorithms: str = Field(default="RS256 PS256 ES256 EdDSA", description="algorithms that may sign")
    types: str = Field(default="at+jwt", description="what a token's header may say that it is")
    required: str = Field(default="client_id jti", description="claims that a token must have besides what is checked")
    grants_claim: str = Field(default="chakong_grants", min_length=1)
    name_claim: str = Field(default="name", min_length=1, description="the name that orders know a handler by")
    skew_s: float = Field(default=30.0, ge=0, le=300, description="how far the provider's clock may be from ours")
    age_s_max: float = Field(default=7200.0, gt=0, le=86_400, description="a token older than this is refused")
    token_bytes_max: int = Field(default=8192, ge=512, le=32_768)
    refresh_s: Seconds = Field(default=300.0, description="how often the keys are fetched again")
    refetch_s: Seconds = Field(default=10.0, description="least time between two fetches for a key that is not known")
    away_s_max: float = Field(default=3600.0, gt=0, le=86_400, description="how long known keys count while it is away")
    fetch_s_max: float = Field(default=5.0, gt=0, le=60, description="longest fetch")

    @field_validator("algorithms")
    @classmethod
    def _only_what_has_no_shared_secret(cls, text: str) -> str:
        if not text.split() or not set(text.split()) <= ALGORITHMS.keys():
            raise ValueError(f"algorithms are some of {' '.join(ALGORITHMS)}, separated by spaces")
        return text

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _is_secure(cls, text: str | None) -> str | None:
        return text if text is None else checked_url(text)

    @model_validator(mode="after")
    def _names_its_keys_once(self) -> Self:
        if self.jwks_url is not None and self.jwks_file is not None:
            raise ValueError("give one of CHAKONG_API_OIDC_JWKS_URL and CHAKONG_API_OIDC_JWKS_FILE")
        if self.issuer is None and (self.jwks_url is not None or self.jwks_file is not None):
            raise ValueError("CHAKONG_API_OIDC_ISSUER is needed with keys")
        if self.away_s_max < self.refresh_s:
            raise ValueError("CHAKONG_API_OIDC_AWAY_S_MAX is no less than CHAKONG_API_OIDC_REFRESH_S")
        return self


def checked_url(text: str) -> str:
    """The URL as it is.

    Raises:
        ValueError: it is not https, nor http to loopback, or it holds what no address of a provider does.
    """
    try:
        url = URL(text)
    except ValueError:
        raise ValueError("not a URL") from None
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host or "")):
        raise ValueError("the provider is at an https URL, or at http on loopback")
    if not url.host or url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError("a provider's URL has a host, and no user, query or fragment")
    return text


class ClientSettings(BaseSettings):
    """The client certificates that the door takes; without a list of them it takes none."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_API_CLIENT_", frozen=True, extra="ignore")

    certificates: Path | None = Field(default=None, description="TOML file of [[certificate]] entries: which one is whose")
    ca_file: Path | None = Field(default=None, description="authorities that client certificates must be of, PEM")
    required: bool = Field(default=False, description="refuse connections without one")
    proxies: str = Field(default="", description="addresses, separated by commas, whose Client-Cert header is believed")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        for address in self.trusted_proxies():
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(f"CHAKONG_API_CLIENT_PROXIES: {address} is no address") from None
        if self.certificates is not None and self.ca_file is None and not self.trusted_proxies():
            raise ValueError("CHAKONG_API_CLIENT_CERTIFICATES needs CHAKONG_API_CLIENT_CA_FILE or CHAKONG_API_CLIENT_PROXIES")
        if self.certificates is None and (self.ca_file is not None or self.trusted_proxies() or self.required):
            raise ValueError("CHAKONG_API_CLIENT_CERTIFICATES says which client certificate is whose: it is needed")
        if self.required and self.ca_file is None:
            raise ValueError("CHAKONG_API_CLIENT_REQUIRED needs CHAKONG_API_CLIENT_CA_FILE")
        return self

    def tls_options(self) -> dict[str, Any]:
        """What uvicorn is told of client certificates. One that is shown must be good, whether or not one must be shown."""
        if self.ca_file is None:
            return {}
        return {"ssl_ca_certs": self.ca_file, "ssl_cert_reqs": ssl.CERT_REQUIRED if self.required else ssl.CERT_OPTIONAL}

    def check(self) -> None:
        """Raises ValueError: the file of authorities cannot be used."""
        if self.ca_file is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(self.ca_file)
        except OSError as error:  # what TLS says is one, too
            raise ValueError(f"CHAKONG_API_CLIENT_CA_FILE: {self.ca_file}: {error.strerror or error}") from None

    def trusted_proxies(self) -> frozenset[str]:
        return frozenset(address.strip() for address in self.proxies.split(",") if address.strip())
