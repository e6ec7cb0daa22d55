"""Settings of the police's side of the fast query, from the environment (``CHAKONG_REGISTRY_…``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stream.core.fast_query import SOURCES

Within = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class RegistrySettings(BaseSettings):
    """Where the registries are, a database a source or one for all, and how long each may take."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_REGISTRY_", frozen=True, extra="ignore", hide_input_in_errors=True)

    url: SecretStr = Field(
        default=SecretStr("sqlite:///registry.sqlite"), description="database of every source that has none of its own"
    )
    identity_url: SecretStr | None = None
    travel_documents_url: SecretStr | None = None
    border_crossings_url: SecretStr | None = None
    vehicles_url: SecretStr | None = None
    hotel_stays_url: SecretStr | None = None
    identity_s_max: Within = 5.0
    travel_documents_s_max: Within = 5.0
    border_crossings_s_max: Within = 10.0
    vehicles_s_max: Within = 5.0
    hotel_stays_s_max: Within = 10.0
    in_flight_max: int = Field(default=64, ge=1, le=10_000, description="questions under way at once")
    metrics_host: str = Field(default="127.0.0.1", description="address that the metrics are served on")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Prometheus metrics; 0 takes a free port")

    def urls(self) -> dict[str, SecretStr]:
        """Each source's database."""
        return {source: getattr(self, f"{source}_url") or self.url for source in SOURCES}

    def within_s(self) -> dict[str, float]:
        """Each source's time limit in seconds."""
        return {source: getattr(self, f"{source}_s_max") for source in SOURCES}
