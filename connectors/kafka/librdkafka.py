"""librdkafka's own functions, as confluent-kafka brings them: for what its Python classes cannot do without an object a record.

Signatures and structures are those of ``rdkafka.h``, which librdkafka keeps stable within a major version.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Any, Final

from confluent_kafka import cimpl

from connectors.kafka.errors import KafkaError

ASSIGN_PARTITIONS: Final = -175
REVOKE_PARTITIONS: Final = -174
_CONSUMER: Final = 1
_TEXT_BYTES: Final = 512


class TopicPartition(ctypes.Structure):
    """``rd_kafka_topic_partition_t``."""

    _fields_ = (
        ("topic", c_char_p),
        ("partition", c_int32),
        ("offset", c_int64),
        ("metadata", c_void_p),
        ("metadata_size", c_size_t),
        ("opaque", c_void_p),
        ("err", c_int),
        ("_private", c_void_p),
    )


class TopicPartitions(ctypes.Structure):
    """``rd_kafka_topic_partition_list_t``."""

    _fields_ = (("count", c_int), ("size", c_int), ("elements", POINTER(TopicPartition)))


class Message(ctypes.Structure):
    """``rd_kafka_message_t``."""

    _fields_ = (
        ("err", c_int),
        ("topic", c_void_p),
        ("partition", c_int32),
        ("payload", c_void_p),
        ("length", c_size_t),
        ("key", c_void_p),
        ("key_length", c_size_t),
        ("offset", c_int64),
        ("_private", c_void_p),
    )


RebalanceCallback: Final = ctypes.CFUNCTYPE(None, c_void_p, c_int, POINTER(TopicPartitions), c_void_p)

# confluent-kafka's module is linked to its librdkafka, whose symbols are so found through it, wherever that one lies.
library: Final = ctypes.CDLL(cimpl.__file__)

_handle, _list = c_void_p, POINTER(TopicPartitions)
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "rd_kafka_conf_new": (c_void_p, ()),
    "rd_kafka_conf_set": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "rd_kafka_conf_set_rebalance_cb": (None, (c_void_p, RebalanceCallback)),
    "rd_kafka_conf_destroy": (None, (c_void_p,)),
    "rd_kafka_new": (_handle, (c_int, c_void_p, c_char_p, c_size_t)),
    "rd_kafka_destroy": (None, (_handle,)),
    "rd_kafka_poll_set_consumer": (c_int, (_handle,)),
    "rd_kafka_subscribe": (c_int, (_handle, _list)),
    "rd_kafka_consumer_close": (c_int, (_handle,)),
    "rd_kafka_queue_get_consumer": (c_void_p, (_handle,)),
    "rd_kafka_queue_destroy": (None, (c_void_p,)),
    "rd_kafka_consume_batch_queue": (c_int64, (c_void_p, c_int, c_void_p, c_size_t)),
    "rd_kafka_topic_partition_list_new": (_list, (c_int,)),
    "rd_kafka_topic_partition_list_add": (POINTER(TopicPartition), (_list, c_char_p, c_int32)),
    "rd_kafka_topic_partition_list_destroy": (None, (_list,)),
    "rd_kafka_incremental_assign": (c_void_p, (_handle, _list)),
    "rd_kafka_incremental_unassign": (c_void_p, (_handle, _list)),
    "rd_kafka_assign": (c_int, (_handle, _list)),
    "rd_kafka_assignment": (c_int, (_handle, POINTER(_list))),
    "rd_kafka_pause_partitions": (c_int, (_handle, _list)),
    "rd_kafka_resume_partitions": (c_int, (_handle, _list)),
    "rd_kafka_seek_partitions": (c_void_p, (_handle, _list, c_int)),
    "rd_kafka_commit": (c_int, (_handle, _list, c_int)),
    "rd_kafka_position": (c_int, (_handle, _list)),
    "rd_kafka_get_watermark_offsets": (c_int, (_handle, c_char_p, c_int32, POINTER(c_int64), POINTER(c_int64))),
    "rd_kafka_topic_name": (c_char_p, (c_void_p,)),
    "rd_kafka_error_string": (c_char_p, (c_void_p,)),
    "rd_kafka_error_destroy": (None, (c_void_p,)),
    "rd_kafka_err2str": (c_char_p, (c_int,)),
    "rd_kafka_message_destroy": (None, (c_void_p,)),
}
for _name, (_result, _arguments) in _SIGNATURES.items():
    _function = getattr(library, _name)
    _function.restype, _function.argtypes = _result, _arguments

MESSAGE_DESTROY: Final = ctypes.cast(library.rd_kafka_message_destroy, c_void_p).value or 0
"""The address of ``rd_kafka_message_destroy``, for machine code."""


def check(code: int, doing: str) -> None:
    """Raises KafkaError where librdkafka's answer is an error."""
    if code:
        raise KafkaError(f"{doing}: {library.rd_kafka_err2str(code).decode()}")


def check_error(error: int | None, doing: str) -> None:
    """``check`` for an ``rd_kafka_error_t``, which is freed."""
    if error:
        text = library.rd_kafka_error_string(error).decode()
        library.rd_kafka_error_destroy(error)
        raise KafkaError(f"{doing}: {text}")


@contextmanager
def places(of: Iterable[tuple[str, int, int]]) -> Iterator[Any]:
    """A list of topic, partition and offset, for as long as it is needed."""
    listed = library.rd_kafka_topic_partition_list_new(8)
    try:
        for topic, partition, offset in of:
            library.rd_kafka_topic_partition_list_add(listed, topic.encode(), partition).contents.offset = offset
        yield listed
    finally:
        library.rd_kafka_topic_partition_list_destroy(listed)


@contextmanager
def assignment(handle: int) -> Iterator[Any]:
    """The partitions that a consumer has now."""
    listed = _list()
    check(library.rd_kafka_assignment(handle, ctypes.byref(listed)), "asking for the assignment")
    try:
        yield listed
    finally:
        library.rd_kafka_topic_partition_list_destroy(listed)


def new_consumer(options: Mapping[str, str], on_rebalance: Any) -> int:
    """A consumer's handle.

    Raises:
        KafkaError: an option that librdkafka does not know or take.
    """
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    conf = library.rd_kafka_conf_new()
    for name, value in options.items():
        if library.rd_kafka_conf_set(conf, name.encode(), value.encode(), text, len(text)):
            library.rd_kafka_conf_destroy(conf)
            raise KafkaError(f"consumer option {name}: {text.value.decode()}")
    library.rd_kafka_conf_set_rebalance_cb(conf, on_rebalance)
    handle = library.rd_kafka_new(_CONSUMER, conf, text, len(text))
    if not handle:
        library.rd_kafka_conf_destroy(conf)
        raise KafkaError(f"no consumer can be made: {text.value.decode()}")
    return int(handle)
