"""Where Redis is, and under which namespace the views are kept."""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RedisSettings(BaseSettings):
    """Read from the environment: ``CHAKONG_REDIS`` (a URL, which may hold a password) and ``CHAKONG_REDIS_…``."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_REDIS_", frozen=True, populate_by_name=True)

    url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias=AliasChoices("url", "CHAKONG_REDIS"))
    namespace: str = Field(default="chakong", min_length=1, description="put before every key: several engines in one Redis")
    timeout_s: float = Field(default=2.0, gt=0)
    connections_max: int = Field(default=64, ge=1)
