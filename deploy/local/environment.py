"""Servers that somebody else runs, named in the environment."""

import os
from collections.abc import Mapping

from deploy.local.addresses import Addresses
from deploy.local.errors import NotAnsweringError
from deploy.local.probe import kafka_silence, redis_silence, without_password

KAFKA = "CHAKONG_KAFKA"
REDIS = "CHAKONG_REDIS"


def from_environment(env: Mapping[str, str] = os.environ) -> Addresses | None:
    """The addresses in CHAKONG_KAFKA and CHAKONG_REDIS, or None when neither is set.

    Once given they are meant: a missing or silent one is an error, never a reason to start other servers.
    """
    kafka, redis = env.get(KAFKA, "").strip(), env.get(REDIS, "").strip()
    if not kafka and not redis:
        return None
    if not kafka or not redis:
        given, absent = (KAFKA, REDIS) if kafka else (REDIS, KAFKA)
        raise NotAnsweringError(f"{given} is set and {absent} is not: set both, or neither to have them started here.")
    silent = []
    if (why := kafka_silence(kafka)) is not None:
        silent.append(f"Kafka at {kafka} ({KAFKA}) does not answer: {why}")
    if (why := redis_silence(redis)) is not None:
        silent.append(f"Redis at {without_password(redis)} ({REDIS}) does not answer: {why}")
    if silent:
        raise NotAnsweringError("; ".join(silent))
    return Addresses(kafka=kafka, redis=redis, origin="environment")
