"""Settings of the courts' door, from the environment (``CHAKONG_API_…``)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.courts.addresses import is_loopback
from connectors.courts.settings import Seconds

WAIT_S_MAX: Final = 60.0
"""How long a court may ask to wait for news."""


class DoorSettings(BaseSettings):
    """Where the door listens, and the limits of what one caller may ask of it."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_API_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8470, ge=0, le=65535)
    metrics_host: str = Field(default="127.0.0.1", description="address that the metrics are served on")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Prometheus metrics; 0 takes a free port")
    tokens: Path | None = Field(default=None, description="TOML file of [[token]] entries, besides the endpoints' inboxes")
    certificate: Path | None = Field(default=None, description="TLS certificate chain, PEM")
    certificate_key: Path | None = Field(default=None, description="its private key, PEM")
    plain_http: bool = Field(default=False, description="listen beyond loopback without TLS, since a proxy has it")
    body_bytes_max: int = Field(default=16_384, ge=1024)
    document_bytes_max: int = Field(default=32 << 20, ge=1024, description="longest document that an admitted caller may put")
    documents_at_once: int = Field(default=8, ge=1, le=64, description="documents in memory at once, one of each court")
    request_s_max: Seconds = Field(default=15.0, description="longest request, besides the wait that it asks for")
    current_s_max: Seconds = Field(default=3.0, description="longest wait for a view to catch up with the log")
    readers: int = Field(default=4, ge=1, le=64, description="pages of the inbox read at once")
    requests_max: int = Field(default=1000, ge=1, description="requests under way at once, waiting ones included")
    replays_max: int = Field(default=1, ge=1, le=16, description="sightings replayed at once, one for each caller at most")
    replay_s_max: Seconds = Field(default=45.0, le=WAIT_S_MAX, description="longest replay of a sighting")
    replay_memory_mb: int = Field(default=2048, ge=512, description="memory that the process of a replay may take")
    rate_per_s: float = Field(default=10.0, gt=0, le=10_000, description="requests a second of one court, in the long run")
    rate_burst: int = Field(default=40, ge=1, description="requests of one court at once")
    check_rate_station_per_s: float = Field(default=20.0, gt=0, le=10_000, description="checks a second of one station")
    check_rate_police_per_s: float = Field(
        default=1000.0, gt=0, le=10_000, description="checks a second of one police platform, which asks for all its desks"
    )
    check_behind_s_max: Seconds = Field(
        default=2.0, description="an index that lacks what orders held so long ago answers no check"
    )
    check_s_max: Seconds = Field(default=1.0, description="longest wait of a check for the index, and for the rules")

    @model_validator(mode="after")
    def _shows_no_token_to_the_network(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("CHAKONG_API_CERTIFICATE and CHAKONG_API_CERTIFICATE_KEY belong together")
        if self.certificate is None and not self.plain_http and not is_loopback(self.host):
            raise ValueError(
                "beyond loopback the door needs CHAKONG_API_CERTIFICATE, or CHAKONG_API_PLAIN_HTTP=true behind a proxy with TLS"
            )
        return self

    def check_certificate(self) -> None:
        """Whether TLS can be spoken with what is configured.

        Raises:
            ValueError: the certificate or its key cannot be used.
        """
        if self.certificate is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.certificate_key)
        except OSError as error:  # what TLS says is one, too
            raise ValueError(f"CHAKONG_API_CERTIFICATE: {self.certificate}: {error.strerror or error}") from None
