"""Settings of the connection to the courts, from the environment (``CHAKONG_COURTS_…``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class CourtsSettings(BaseSettings):
    """Where the courts' endpoints are listed, and how long and how hard an attempt may try."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_COURTS_", frozen=True, extra="ignore")

    endpoints: Path | None = Field(default=None, description="the TOML file of [[endpoint]] entries")
    http_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(), description="hosts, separated by commas, that plain http is allowed to, besides loopback"
    )
    ca_file: Path | None = Field(default=None, description="certificate authorities to trust in place of the system's")
    connect_s: Seconds = 3.0
    total_s: Seconds = 10.0
    idle_s: Seconds = Field(default=15.0, description="how long an idle connection is kept")
    in_flight_max: int = Field(default=16, ge=1, le=1024, description="attempts under way at once, for each endpoint")
    connections_max: int = Field(default=1024, ge=1, le=65_536)
    answer_bytes_max: int = Field(default=65_536, ge=0)
    retry_after_s_max: Seconds = 3600.0

    @field_validator("http_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(host.strip().lower() for host in value.split(",") if host.strip()) if isinstance(value, str) else value
