"""Every setting of a worker, composed once, frozen. Each part is defined beside its owner."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretBytes, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.courts.settings import CourtsSettings
from connectors.kafka.settings import KafkaSettings
from connectors.redis.settings import RedisSettings
from stream.core.delivery import RetryLadder
from stream.core.incident_due import Limits
from stream.core.querying import Limits as QueryingLimits
from stream.core.reachability import Rhythm
from stream.core.silence import Bounds
from stream.core.watching import Thresholds


class IncidentSettings(BaseSettings):
    """What opens an incident, and how soon it is told and resolved: environment ``CHAKONG_INCIDENT_…``."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_INCIDENT_", frozen=True, extra="ignore")

    lag_s: float = Field(default=300.0, gt=0, description="a consumer group this far behind opens an incident")
    index_s: float = Field(default=60.0, gt=0, description="an index this far behind the orders opens one")
    endpoint_s: float = Field(default=600.0, gt=0, description="an endpoint that has failed for so long opens one")
    fill: float = Field(default=0.55, gt=0, le=1, description="a filter fuller than this")
    fill_s: float = Field(default=600.0, gt=0, description="for so long opens one")
    dead_letters: int = Field(default=600, ge=1, description="so many dead letters")
    dead_letters_s: float = Field(default=600.0, gt=0, le=3600, description="within so long open one")
    silent_expected: float = Field(default=100.0, gt=0, description="a source of which so many sightings are missing")
    silent_s: float = Field(default=900.0, gt=0, description="and that has been silent for so long opens one")
    audit_keys: tuple[Path, ...] = Field(
        default=(), description="public keys of the audit log, a JSON list of PEM files; with them it is verified"
    )
    audit_hours: float = Field(default=1.0, gt=0, le=24, description="how often; each time over twice as long a time")
    notice_hours: float = Field(default=24.0, gt=0, le=24, description="until when both sides are to know (S4.5)")
    escalate_hours: float = Field(default=4.0, gt=0, description="how long a level is waited for before the next is told")
    resolve_hours: float = Field(default=72.0, gt=0, description="until when an incident is to be resolved")

    def thresholds(self) -> Thresholds:
        """From where on what is seen opens an incident."""
        return Thresholds(
            lag_s=self.lag_s,
            index_s=self.index_s,
            endpoint_s=self.endpoint_s,
            fill=self.fill,
            fill_s=self.fill_s,
            dead_letters=self.dead_letters,
            dead_letters_s=self.dead_letters_s,
            silence=Bounds(self.silent_expected, dt.timedelta(seconds=self.silent_s)),
        )

    def limits(self) -> Limits:
        """How soon an incident is told, passed on and resolved."""
        hours = (self.notice_hours, self.escalate_hours, self.resolve_hours)
        return Limits(*(dt.timedelta(hours=one) for one in hours))


class WorkerSettings(BaseSettings):
    """One worker: environment ``CHAKONG_…``."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_", frozen=True)

    key_secret: SecretBytes | None = Field(default=None, description="the deployment's secret of the key hashes")
    key_secret_file: Path | None = Field(default=None, description="a file that holds it")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Prometheus metrics; 0 takes a free port")
    metrics_host: str = Field(default="127.0.0.1", description="address that the metrics are served on")
    batch_max: int = Field(default=8192, ge=1, description="sightings screened at once at most")
    behind_s_max: float = Field(default=5.0, gt=0, description="a worker this far behind the orders fences itself")
    expected_keys: int = Field(default=1 << 21, ge=1, description="keys that the filter has room for before it grows")
    false_positives: float = Field(default=1e-5, gt=0, lt=0.5, description="share of unwanted keys taken for a maybe")
    snapshots: Path | None = Field(
        default=None, description="folder of this worker's rows and snapshots; without it none are kept"
    )
    overlays: tuple[Path, ...] = Field(default=(), description="provincial policy overlays, a JSON list of files")
    lookback_hours: float = Field(
        default=72.0, ge=0, description="how far back sightings are searched for a new order; 0: not at all"
    )
    lookback_share: float = Field(default=0.5, gt=0, le=1, description="share of a core that searching back may take")
    lookback_lag_s_max: float = Field(
        default=2.0, gt=0, description="seconds that live screening may be behind before searching back stands back"
    )
    retry_first_s: float = Field(default=0.5, gt=0, description="wait after a delivery's first failed attempt; it doubles")
    retry_longest_s: float = Field(default=300.0, gt=0)
    retry_give_up_s: float = Field(default=24 * 3600.0, gt=0)
    reach_test_hours: float = Field(
        default=24.0, ge=0, le=168, description="how often each endpoint is sent a test; 0: never, and nothing is listed"
    )
    reach_answer_hours: float = Field(default=24.0, gt=0, le=168, description="how soon a test is to be answered")
    querying_hours: float = Field(default=24.0, gt=0, le=168, description="within how long fast queries are counted")
    querying_by_credential: int = Field(default=200, ge=1, description="more queries of one credential are odd")
    querying_off_hours: int = Field(default=10, ge=0, description="more of one credential outside working hours are odd")
    querying_askers: int = Field(default=3, ge=1, description="more credentials asking about one subject are odd")
    querying_opens_hour: int = Field(default=7, ge=0, le=23, description="working hours begin, in Beijing's time")
    querying_closes_hour: int = Field(default=21, ge=1, le=24, description="working hours end")
    # The parts read their own variables. Their aliases keep them from being taken for variables of this class, since
    # CHAKONG_KAFKA and CHAKONG_REDIS are the addresses.
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, validation_alias="chakong_part_kafka")
    redis: RedisSettings = Field(default_factory=RedisSettings, validation_alias="chakong_part_redis")
    courts: CourtsSettings = Field(default_factory=CourtsSettings, validation_alias="chakong_part_courts")
    incidents: IncidentSettings = Field(default_factory=IncidentSettings, validation_alias="chakong_part_incidents")

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if (self.key_secret is None) == (self.key_secret_file is None):
            raise ValueError("give CHAKONG_KEY_SECRET_FILE (or CHAKONG_KEY_SECRET): every worker needs the same secret")
        return self

    def ladder(self) -> RetryLadder:
        return RetryLadder(self.retry_first_s, self.retry_longest_s, self.retry_give_up_s)

    def rhythm(self) -> Rhythm | None:
        """How often endpoints are tested; None: never."""
        if not self.reach_test_hours:
            return None
        return Rhythm(dt.timedelta(hours=self.reach_test_hours), dt.timedelta(hours=self.reach_answer_hours))

    def querying(self) -> QueryingLimits:
        """What of fast queries is not odd yet."""
        return QueryingLimits(
            dt.timedelta(hours=self.querying_hours),
            self.querying_by_credential,
            self.querying_off_hours,
            self.querying_askers,
            self.querying_opens_hour,
            self.querying_closes_hour,
        )

    def secret(self) -> bytes:
        """The secret of the key hashes.

        Raises:
            ValueError: its file cannot be read or is too short to be a secret.
        """
        if self.key_secret is not None:
            return self.key_secret.get_secret_value()
        if self.key_secret_file is None:  # _has_a_secret refuses it
            raise AssertionError
        try:
            secret = self.key_secret_file.read_bytes().strip()
        except OSError as error:
            raise ValueError(f"CHAKONG_KEY_SECRET_FILE: {self.key_secret_file} cannot be read ({error.strerror})") from None
        if len(secret) < _SECRET_BYTES_MIN:
            raise ValueError(f"CHAKONG_KEY_SECRET_FILE: {self.key_secret_file} holds fewer than {_SECRET_BYTES_MIN} bytes")
        return secret


class IntakeSettings(BaseSettings):
    """What the intake has of its own: environment ``CHAKONG_INTAKE_…``."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_INTAKE_", frozen=True, extra="ignore")

    metrics_port: int = Field(default=0, ge=0, le=65535, description="Prometheus metrics; 0 takes a free port")
    metrics_host: str = Field(default="127.0.0.1", description="address that the metrics are served on")


_SECRET_BYTES_MIN = 16


def worker_id() -> str:
    """A name for this process among the workers."""
    return f"{os.uname().nodename}-{os.getpid()}"
