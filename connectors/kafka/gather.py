"""From librdkafka's messages to one text, in machine code: no record becomes a Python object."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba.core import types
from numpy.typing import NDArray

from connectors.kafka.librdkafka import Message
from matchers.native import WORD_BYTES, compiled, inlined, intrinsic
from matchers.tokens import PADDING

_TOPIC, _PARTITION, _PAYLOAD, _LENGTH, _OFFSET = (
    np.uint64(getattr(Message, name).offset) for name in ("topic", "partition", "payload", "length", "offset")
)
_BYTE: Final = np.uint64(1)
_WORD: Final = np.uint64(WORD_BYTES)


def _peek(bits: int) -> Any:
    """An intrinsic that reads a number of so many bits at an address."""

    def typed(_context: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            number = builder.load(builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer()))
            number.align = 1
            return builder.zext(number, ir.IntType(64)) if bits < 64 else number

        return types.uint64(types.uint64), generate

    return intrinsic(typed)


_peek_64, _peek_32, _peek_8 = _peek(64), _peek(32), _peek(8)


@intrinsic
def _call(_context: Any, _function: Any, _argument: Any) -> Any:
    """Call the C function at an address with one pointer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(ir.VoidType(), [ir.IntType(64)]).as_pointer()
        builder.call(builder.inttoptr(arguments[0], function), [arguments[1]])
        return ir.Constant(ir.IntType(64), 0)

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def _store_word(_context: Any, text: Any, _at: Any, _word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer())
        builder.store(arguments[2], place).align = 1
        return ir.Constant(ir.IntType(64), 0)

    return types.uint64(text, types.intp, types.uint64), generate


def prepare() -> None:
    """Have it compiled."""
    nothing = np.empty((3, 0), np.int64)
    none, text = np.empty(0, np.uint64), np.empty(room_for(np.empty(0, np.uint64)), np.uint8)
    take_over(none, text, nothing[0], nothing[0], none, nothing[0], nothing[0])
    let_go(none, np.uint64(0))


@compiled
def room_for(messages: NDArray[np.uint64]) -> int:
    """Bytes that the text of these messages takes."""
    needed = PADDING
    for number in range(len(messages)):
        needed += int(_peek_64(messages[number] + _LENGTH)) + 1
    return needed


@compiled
def take_over(
    messages: NDArray[np.uint64],
    text: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    topics: NDArray[np.uint64],
    partitions: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> int:
    """Copy n messages into a text (see ``matchers.tokens``); returns how many carried a record.

    What is no record but a note of an error is passed over: passing troubles are librdkafka's to mend.

    Args:
        messages: uint64 ``(n,)``, their addresses.
        text: out; ``room_for`` says how long it must be.
        starts, ends, topics, partitions, offsets: out, ``(n,)``: each record's place in the text and in Kafka; a topic is
            its ``rd_kafka_topic_t``, which is sure to be there as long as the messages are.
    """
    at, count = 0, 0
    for number in range(len(messages)):
        message = messages[number]
        if not _peek_32(message):
            starts[count] = at
            at = _copy(_peek_64(message + _PAYLOAD), int(_peek_64(message + _LENGTH)), text, at)
            ends[count] = at
            text[at] = 0
            at += 1
            topics[count], partitions[count] = _peek_64(message + _TOPIC), int(_peek_32(message + _PARTITION))
            offsets[count] = int(_peek_64(message + _OFFSET))
            count += 1
    text[at : at + PADDING] = 0
    return count


@compiled
def let_go(messages: NDArray[np.uint64], destroy: np.uint64) -> None:
    """Destroy messages; ``destroy`` is the address of the function that destroys one."""
    for number in range(len(messages)):
        _call(destroy, messages[number])


@inlined
def _copy(source: np.uint64, length: int, text: NDArray[np.uint8], at: int) -> int:
    """Never a byte beyond the source, for that may be nobody's."""
    end = at + length
    while at + WORD_BYTES <= end:
        _store_word(text, at, _peek_64(source))
        source += _WORD
        at += WORD_BYTES
    while at < end:
        text[at] = _peek_8(source)
        source += _BYTE
        at += 1
    return at
