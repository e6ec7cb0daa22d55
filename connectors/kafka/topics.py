"""The topics of the wire, with their partitions, retention and compaction, made by kafka-python's admin client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError as ClientError
from kafka.errors import TopicAlreadyExistsError

from connectors.kafka.errors import KafkaUnreachableError, TopicError
from connectors.kafka.settings import KafkaSettings
from matchers.sighting import SIGHTING_TOPICS

INTAKE: Final = "intake"
ORDERS: Final = "orders"
CANDIDATES: Final = "candidates"
HITS: Final = "hits"
INSTRUCTIONS: Final = "instructions"
RECEIPTS: Final = "receipts"
ENDINGS: Final = "endings"
CONFIRMATIONS: Final = "confirmations"
INBOX: Final = "inbox"
NOTICES: Final = "notices"
AUDIT: Final = "audit"
REACHABILITY: Final = "reachability"
INCIDENTS: Final = "incidents"
CASES: Final = "cases"
DEBTORS: Final = "debtors"
JUDGMENTS: Final = "judgments"
QUERIES: Final = "queries"
QUERY_ANSWERS: Final = "query_answers"
RULES: Final = "rules"
DEADLETTERS: Final = "deadletters"

_HOUR_MS: Final = 3_600_000
_FOR_EVER: Final = -1
_ANSWER_MS: Final = 8_000
_CANDIDATE_HOURS: Final = 24
_DEADLETTER_HOURS: Final = 14 * 24
_INTAKE_HOURS: Final = 14 * 24
"""What was taken stands in ``orders`` for ever, what was refused in ``deadletters`` as long as here."""
_ENDING_HOURS: Final = 14 * 24
_INBOX_HOURS: Final = 30 * 24
_NOTICE_HOURS: Final = 90 * 24
_REACHABILITY_HOURS: Final = 400 * 24
_QUERY_HOURS: Final = 24
"""Questions and answers are personal data of people who may owe nothing any more tomorrow; who needs one anew asks anew."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to be made; ``retention_ms`` is -1 for ever. None is compacted: any past decision can be replayed.

    ``brokers_clock``: a record's time is the broker's, whatever its producer says, since something follows from it.
    """

    name: str
    partitions: int
    retention_ms: int
    brokers_clock: bool = False


def topics(settings: KafkaSettings) -> tuple[Topic, ...]:
    """Every topic of the contract, as a deployment has it."""
    lookback_ms = settings.lookback_hours * _HOUR_MS
    kept = {
        INTAKE: _INTAKE_HOURS * _HOUR_MS,
        ORDERS: _FOR_EVER,
        CANDIDATES: min(_CANDIDATE_HOURS * _HOUR_MS, lookback_ms),
        HITS: _FOR_EVER,
        INSTRUCTIONS: lookback_ms,
        RECEIPTS: _FOR_EVER,
        ENDINGS: _ENDING_HOURS * _HOUR_MS,
        CONFIRMATIONS: _FOR_EVER,
        INBOX: _INBOX_HOURS * _HOUR_MS,
        NOTICES: _NOTICE_HOURS * _HOUR_MS,
        AUDIT: _FOR_EVER,
        REACHABILITY: _REACHABILITY_HOURS * _HOUR_MS,
        INCIDENTS: _FOR_EVER,  # when each side was told is what S4.5 is answered by, years later too
        CASES: _FOR_EVER,  # a view of them is built again from the whole topic
        DEBTORS: _FOR_EVER,
        JUDGMENTS: _FOR_EVER,
        QUERIES: _QUERY_HOURS * _HOUR_MS,
        QUERY_ANSWERS: _QUERY_HOURS * _HOUR_MS,
        RULES: _FOR_EVER,  # which rules judged a hit is asked as long as the hit is kept
        DEADLETTERS: _DEADLETTER_HOURS * _HOUR_MS,
    }
    return (
        *(Topic(settings.topic(name), settings.sighting_partitions, lookback_ms) for name in SIGHTING_TOPICS),
        *(
            Topic(settings.topic(name), settings.partitions, retention, brokers_clock=name == RULES)
            for name, retention in kept.items()
        ),
    )


def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Make the topics that are missing; what is there stays as it is. Returns the names of those made.

    Raises:
        KafkaUnreachableError: no broker answers.
        TopicError: a topic could not be made.
    """
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=settings.bootstrap, client_id="chakong-topics", bootstrap_timeout_ms=_ANSWER_MS
        )
    except (ClientError, OSError):
        raise KafkaUnreachableError(settings.bootstrap) from None
    try:
        there = set(admin.list_topics())
        missing = [topic for topic in topics(settings) if topic.name not in there]
        for topic in missing:
            _make(admin, topic, settings.replication)
        return [topic.name for topic in missing]
    finally:
        admin.close()


def _make(admin: KafkaAdminClient, topic: Topic, replication: int) -> None:
    configs = {"retention.ms": str(topic.retention_ms), "cleanup.policy": "delete", "retention.bytes": "-1"}
    if topic.brokers_clock:
        configs["message.timestamp.type"] = "LogAppendTime"
    wanted = {topic.name: {"num_partitions": topic.partitions, "replication_factor": replication, "configs": configs}}
    try:
        admin.create_topics(wanted, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return
    except ClientError as error:
        raise TopicError(f"topic {topic.name} cannot be made: {error}") from None
