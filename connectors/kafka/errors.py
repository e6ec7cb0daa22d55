"""What can go wrong with Kafka, in words that say what to do.

KafkaError
├── KafkaUnreachableError   no broker answers
├── TopicError              a topic is missing or cannot be made
└── NotDurableError         a record was not acknowledged by Kafka: whatever depends on it must not be acknowledged either
"""

from __future__ import annotations


class KafkaError(RuntimeError):
    """Any trouble with Kafka."""


class KafkaUnreachableError(KafkaError):
    """No broker answers."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(
            f"Kafka does not answer at {bootstrap}: start it with `chakong up`, or set CHAKONG_KAFKA to where it is."
        )


class TopicError(KafkaError):
    """A topic is missing or cannot be made."""


class NotDurableError(KafkaError):
    """A record was not acknowledged by Kafka."""
