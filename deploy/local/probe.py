"""Does a server answer? Asked the way its clients ask, since an open port proves nothing."""

import http.client
import logging
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local.ports import LOOPBACK

KAFKA_TIMEOUT_S = 3.0
REDIS_TIMEOUT_S = 2.0
HTTP_TIMEOUT_S = 2.0
POLL_S = 0.1

#: librdkafka writes its connection errors to standard error unless it is given a logger.
_silent = logging.getLogger(f"{__name__}.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False

#: Returns why the server does not answer, or None when it does.
Probe = Callable[[], str | None]


def kafka_silence(bootstrap: str, timeout_s: float = KAFKA_TIMEOUT_S) -> str | None:
    """Why Kafka at `bootstrap` does not answer a metadata request, or None when it does."""
    try:
        client = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": 2000}, logger=_silent)
        metadata = client.list_topics(timeout=timeout_s)
    except KafkaException as error:
        return str(error.args[0])
    # A broker that has not yet registered with its controller answers with an empty cluster.
    return None if metadata.brokers else "the cluster has no broker yet"


def redis_silence(url: str, timeout_s: float = REDIS_TIMEOUT_S) -> str | None:
    """Why Redis at `url` does not answer PING, or None when it does. It also says no while it loads its dump."""
    try:
        with redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        return str(error) or type(error).__name__
    return None


def http_silence(port: int, path: str, timeout_s: float = HTTP_TIMEOUT_S) -> str | None:
    """Why nothing answers HTTP at a port of loopback, or None when something does, whatever it answers."""
    try:
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)) as connection:
            connection.request("GET", path)
            connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return None


def wait_for(probe: Probe, bound_s: float) -> str | None:
    """Ask until the server answers; what it last said when the time is up, or None."""
    deadline = time.monotonic() + bound_s
    while (silence := probe()) is not None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return silence


def without_password(url: str) -> str:
    """The URL as it may be shown in an error or a report."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}"))
