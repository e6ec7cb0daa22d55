"""The courts' endpoints: which URL and secret a court's notifications go to, as a TOML file lists them.

    [[endpoint]]
    court = "440106"                  # "*": every court that has no entry of its own
    url = "https://court.example/hits"
    secret_file = "440106.secret"     # or secret_env = "NAME", or secret = "whsec_…"

A file that cannot be used is refused whole, with the entry that is wrong.

    ValueError
    └── EndpointsError    file, entry, and what is wrong with it; never a secret or a URL's query
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr, ValidationError, model_validator

from connectors.courts.signature import secret_key
from matchers.wire import NonEmpty, reason

ANY_COURT: Final = "*"
FILE_BYTES_MAX: Final = 16 << 20


class EndpointsError(ValueError):
    """The endpoints cannot be used."""


class Endpoint(BaseModel):
    """Where one court's notifications go. Its text form holds no secret, no user and no query."""

    model_config = ConfigDict(frozen=True)

    court: NonEmpty
    url: SecretStr
    key: SecretBytes = Field(description="signs what is sent")

    @property
    def redacted(self) -> str:
        """The URL as it may stand in receipts and logs: without user, password, query and fragment."""
        return _redacted(httpx.URL(self.url.get_secret_value()))

    @classmethod
    def of(cls, court: str, url: str, secret: str, *, http_allowed: bool = False) -> Endpoint:
        """An endpoint, checked. Raises ValueError: a wrong URL or secret, or plain http where it is not allowed."""
        _check_url(url, http_allowed=http_allowed)
        return cls(court=court, url=SecretStr(url), key=SecretBytes(secret_key(secret)))

    def __str__(self) -> str:
        return f"{self.court} {self.redacted}"


class Endpoints:
    """All endpoints of a deployment; immutable."""

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        by_court: dict[str, Endpoint] = {}
        for endpoint in endpoints:
            if by_court.setdefault(endpoint.court, endpoint) is not endpoint:
                raise EndpointsError(f"court {endpoint.court} has two endpoints")
        self._by_court: Final[Mapping[str, Endpoint]] = by_court

    def endpoint_of(self, court_code: str) -> Endpoint | None:
        """The court's own endpoint, else the one for any court, else None."""
        return self._by_court.get(court_code) or self._by_court.get(ANY_COURT)

    def __len__(self) -> int:
        return len(self._by_court)

    @classmethod
    def load(
        cls, path: Path, *, http_hosts: frozenset[str] = frozenset(), environ: Mapping[str, str] = os.environ
    ) -> Endpoints:
        """The endpoints that a TOML file lists. Relative ``secret_file`` paths start at the file's folder.

        Plain http needs ``allow_http = true`` in the entry, and a host that is loopback or among ``http_hosts``.

        Raises:
            EndpointsError: the file or one of its entries cannot be used.
        """
        entries = _read(path)
        endpoints: dict[str, Endpoint] = {}
        for number, fields in enumerate(entries, 1):
            where = f"{path}: endpoint {number}"
            if isinstance(fields, dict) and isinstance(fields.get("court"), str):
                where += f" (court {fields['court']})"
            try:
                endpoint = _Entry.model_validate(fields).endpoint(path.parent, http_hosts, environ)
            except ValidationError as error:
                raise EndpointsError(f"{where}: {reason(error)}") from None
            except ValueError as error:
                raise EndpointsError(f"{where}: {error}") from None
            if endpoints.setdefault(endpoint.court, endpoint) is not endpoint:
                raise EndpointsError(f"{where}: the court has an endpoint already")
        return cls(endpoints.values())


class _Entry(BaseModel):
    """One ``[[endpoint]]`` as written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    court: NonEmpty
    url: SecretStr
    secret: SecretStr | None = None
    secret_file: Path | None = None
    secret_env: NonEmpty | None = None
    allow_http: bool = False

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if sum(given is not None for given in (self.secret, self.secret_file, self.secret_env)) != 1:
            raise ValueError("exactly one of secret, secret_file and secret_env is needed")
        return self

    def endpoint(self, folder: Path, http_hosts: frozenset[str], environ: Mapping[str, str]) -> Endpoint:
        """Raises ValueError."""
        url = self.url.get_secret_value()
        host = httpx.URL(url).host if _parses(url) else ""
        if self.allow_http and not (is_loopback(host) or host in http_hosts):
            raise ValueError(f"allow_http: plain http to {host} must be allowed by name in CHAKONG_COURTS_HTTP_HOSTS")
        return Endpoint.of(self.court, url, self._secret(folder, environ), http_allowed=self.allow_http)

    def _secret(self, folder: Path, environ: Mapping[str, str]) -> str:
        if self.secret_env is not None:
            if not environ.get(self.secret_env):
                raise ValueError(f"secret_env: {self.secret_env} is not set")
            return environ[self.secret_env].strip()
        if self.secret_file is not None:
            try:
                return (folder / self.secret_file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                said = getattr(error, "strerror", None) or "not UTF-8"
                raise ValueError(f"secret_file: {self.secret_file}: {said}") from None
        if self.secret is None:  # _has_one_secret refuses it
            raise AssertionError
        return self.secret.get_secret_value()


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address alone; no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: Path) -> list[object]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise EndpointsError(f"{path}: longer than {FILE_BYTES_MAX} bytes")
        table = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise EndpointsError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise EndpointsError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise EndpointsError(f"{path}: {error}") from None
    unknown = table.keys() - {"endpoint"}
    if unknown:
        raise EndpointsError(f"{path}: only [[endpoint]] entries are known, not {', '.join(sorted(unknown))}")
    entries = table.get("endpoint", [])
    if not isinstance(entries, list):
        raise EndpointsError(f"{path}: an endpoint is written [[endpoint]], with two brackets")
    return entries


def _parses(url: str) -> bool:
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return True


def _check_url(url: str, *, http_allowed: bool) -> None:
    if not _parses(url):
        raise ValueError("url: not a URL")
    parsed = httpx.URL(url)
    if parsed.scheme not in ("https", "http") or not _can_be_asked_for(parsed):
        raise ValueError("url: not an https URL with a host")
    if parsed.scheme == "http" and not http_allowed:
        raise ValueError("url: plain http is not allowed; use https, or allow_http = true for a loopback address")


def _can_be_asked_for(url: httpx.URL) -> bool:
    """Whether host and port have a form that can be connected to; it is too late to find out at the first attempt."""
    try:
        url.host.encode("idna")
    except UnicodeError:
        return False
    return bool(url.host) and (url.port is None or 0 < url.port < 65_536)


def _redacted(url: httpx.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{'' if url.port is None else f':{url.port}'}{url.path}"
