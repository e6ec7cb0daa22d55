"""Where Kafka is, and how its topics are named."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """Read from the environment: ``CHAKONG_KAFKA`` (bootstrap servers), ``CHAKONG_KAFKA_TOPIC_PREFIX`` and so on."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_KAFKA_", frozen=True, populate_by_name=True)

    bootstrap: str = Field(default="127.0.0.1:9092", validation_alias=AliasChoices("bootstrap", "CHAKONG_KAFKA"))
    topic_prefix: str = Field(default="", description="put before every topic and group: several engines in one Kafka")
    replication: int = Field(default=1, ge=1, description="replicas of a topic that is created here")
    lookback_hours: int = Field(default=72, ge=1, description="how long sightings are kept")
    sighting_partitions: int = Field(default=4, ge=1)
    partitions: int = Field(default=4, ge=1, description="partitions of every other topic")

    def topic(self, name: str) -> str:
        return self.topic_prefix + name

    def group(self, name: str) -> str:
        return f"{self.topic_prefix}chakong-{name}"
