"""Settings of the ways to the courts, from the environment (``CHAKONG_COURTS_…``, ``CHAKONG_SMTP_…``, ``CHAKONG_SMS_…``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.courts.addresses import is_loopback
from connectors.courts.endpoint import Channel
from connectors.courts.urls import checked, host_of
from stream.core.health import Limits

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Hosts = Annotated[frozenset[str], NoDecode]


class SmtpSettings(BaseSettings):
    """The mail relay that e-mail to courts goes through; without a host there is no such channel."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_SMTP_", frozen=True, extra="ignore", hide_input_in_errors=True)

    host: str | None = None
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="none: only to loopback")
    sender: str | None = Field(default=None, pattern=r"^[^@\s,;<>\"]+@[A-Za-z0-9.-]+$", description="the address it comes from")
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.host is None:
            return self
        if self.sender is None:
            raise ValueError("CHAKONG_SMTP_SENDER is needed")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("CHAKONG_SMTP_SECURITY=none is for a relay on this machine; use starttls or tls")
        if (self.password is not None) + (self.password_file is not None) != (self.user is not None):
            raise ValueError("CHAKONG_SMTP_USER needs a password, in CHAKONG_SMTP_PASSWORD_FILE (or CHAKONG_SMTP_PASSWORD)")
        return self

    def secret(self) -> str | None:
        """The password, when there is one. Raises ValueError when its file cannot be read."""
        return secret_of("CHAKONG_SMTP_PASSWORD_FILE", self.password, self.password_file)


class SmsSettings(BaseSettings):
    """The provider of short messages; without a URL there is no such channel."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_SMS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, description="https, or http to loopback")
    token: SecretStr | None = None
    token_file: Path | None = None
    parts_max: int = Field(default=3, ge=1, le=10, description="parts of 67 characters that a message may have")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.url is None:
            return self
        text = self.url.get_secret_value()
        checked(text, http_allowed=is_loopback(host_of(text)))
        if (self.token is None) == (self.token_file is None):
            raise ValueError("CHAKONG_SMS_TOKEN_FILE (or CHAKONG_SMS_TOKEN) is needed")
        return self

    def secret(self) -> str:
        """The bearer token. Raises ValueError when its file cannot be read."""
        return secret_of("CHAKONG_SMS_TOKEN_FILE", self.token, self.token_file) or ""


class CourtsSettings(BaseSettings):
    """Where the courts' endpoints are listed, and how long and how hard an attempt may try."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_COURTS_", frozen=True, extra="ignore")

    endpoints: Path | None = Field(default=None, description="the TOML file of [[endpoint]] entries")
    http_hosts: Hosts = Field(
        default=frozenset(), description="hosts, separated by commas, that plain http is allowed to, besides loopback"
    )
    private_hosts: Hosts = Field(
        default=frozenset(), description="host names and addresses, separated by commas, that may lie inside"
    )
    ca_file: Path | None = Field(default=None, description="certificate authorities to trust in place of the system's")
    connect_s: Seconds = 3.0
    total_s: Seconds = 10.0
    idle_s: Seconds = Field(default=15.0, description="how long an idle connection is kept")
    in_flight_max: int = Field(default=16, ge=1, le=1024, description="attempts under way at once, for each endpoint")
    connections_max: int = Field(default=1024, ge=1, le=65_536)
    answer_bytes_max: int = Field(default=65_536, ge=0)
    retry_after_s_max: Seconds = 3600.0
    failures_max: int = Field(default=5, ge=1, description="failures in a row that open an endpoint's circuit")
    failing_s: float = Field(default=10.0, ge=0, le=3600, description="over so long a time at least")
    probe_first_s: Seconds = Field(default=5.0, description="from the opening to the first probe; it doubles")
    probe_longest_s: Seconds = 60.0
    # The parts read their own variables; see stream/settings.py.
    smtp: SmtpSettings = Field(default_factory=SmtpSettings, validation_alias="chakong_part_smtp")
    sms: SmsSettings = Field(default_factory=SmsSettings, validation_alias="chakong_part_sms")

    @field_validator("http_hosts", "private_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(host.strip().lower() for host in value.split(",") if host.strip()) if isinstance(value, str) else value

    def channels(self) -> frozenset[Channel]:
        """The channels that the deployment has."""
        has: dict[Channel, bool] = {"email": self.smtp.host is not None, "sms": self.sms.url is not None}
        return frozenset({"webhook", "inbox", *(channel for channel, there in has.items() if there)})

    def limits(self) -> Limits:
        """When a circuit opens and is probed."""
        return Limits(self.failures_max, self.failing_s, self.probe_first_s, self.probe_longest_s, self.total_s)


def secret_of(name: str, given: SecretStr | None, file: Path | None) -> str | None:
    """A secret that is given itself or in a file. Raises ValueError, naming the setting: the file cannot be read."""
    if file is None:
        return None if given is None else given.get_secret_value()
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not UTF-8"
        raise ValueError(f"{name}: {file} cannot be read ({said})") from None
