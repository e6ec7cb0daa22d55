"""Where Redis is, and under which names this engine's views lie in it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class RedisSettings(BaseSettings):
    """Read from the environment: ``CHAKONG_REDIS`` (a URL), ``CHAKONG_REDIS_NAMESPACE`` and so on."""

    model_config = SettingsConfigDict(
        env_prefix="CHAKONG_REDIS_", frozen=True, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), validation_alias=AliasChoices("url", "CHAKONG_REDIS"))
    namespace: str = Field(
        default="chakong", pattern=r"^[\w.{}-]{1,64}$", description="put before every key: several engines in one Redis"
    )
    timeout_s: Seconds = Field(default=2.0, description="to connect, to wait for a free connection, and for an answer")
    connections_max: int = Field(default=64, ge=1, le=10_000)

    @field_validator("url")
    @classmethod
    def _is_a_redis_url(cls, url: SecretStr) -> SecretStr:
        try:
            scheme = urlsplit(url.get_secret_value()).scheme
        except ValueError:
            scheme = ""
        if scheme not in ("redis", "rediss", "unix"):
            raise ValueError("not a Redis URL: it must begin with redis://, rediss:// or unix://")
        return url
