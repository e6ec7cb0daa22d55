"""Load on a door: requests sent at a rate, whatever comes back and when, over connections that are kept.

A client of a few dozen microseconds a request, since it has its share of the machine that it measures.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

_LINES_A_DOOR: Final = 64
_LENGTH: Final = b"content-length: "


class Request(NamedTuple):
    """What is posted, and what is to be answered."""

    path: str
    body: dict[str, Any]
    expected: str

    def bytes(self, token: str) -> bytes:
        content = json.dumps(self.body, ensure_ascii=False).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: door\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


class Answered(NamedTuple):
    """How long an answer took once its request was ready, how late that was, and what it says; None: it says nothing (503)."""

    expected: str
    took_s: float
    late_s: float
    said: str | None


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._came = bytearray()
        self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the door hung up"))

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._whole and (head := self._came.find(b"\r\n\r\n")) >= 0:
            at = self._came.lower().index(_LENGTH, 0, head + 2) + len(_LENGTH)
            self._whole = head + 4 + int(self._came[at : self._came.index(b"\r\n", at)])
        if self._whole and len(self._came) >= self._whole and self._answer is not None:
            answer, self._came, self._whole = bytes(self._came), bytearray(), 0
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def loaded(ports: Sequence[int], requests: Iterator[Request], token: str, rate: float, seconds: float) -> list[Answered]:
    """Ask at a rate for some seconds, at each door in turn; every answer, in the order in which they came."""
    loop = asyncio.get_running_loop()
    free: list[asyncio.Queue[Line]] = [asyncio.Queue() for _ in ports]
    lines = [[(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in range(_LINES_A_DOOR)] for port in ports]
    for queue, of_door in zip(free, lines, strict=True):
        for line in of_door:
            queue.put_nowait(line)
    answers: list[Answered] = []
    asking: set[asyncio.Task[None]] = set()

    async def ask(queue: asyncio.Queue[Line], request: Request, due_s: float) -> None:
        ready_s = time.perf_counter()
        line = await queue.get()
        answer = await line.ask(request.bytes(token))
        took_s = time.perf_counter() - ready_s
        said = json.loads(answer.partition(b"\r\n\r\n")[2]).get("answer") if b" 503 " not in answer[:20] else None
        answers.append(Answered(request.expected, took_s, ready_s - due_s, said))
        queue.put_nowait(line)

    began_s = time.perf_counter()
    for number in range(round(rate * seconds)):
        due_s = began_s + number / rate
        if (wait_s := due_s - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(ask(free[number % len(free)], next(requests), due_s))
        asking.add(task)
        task.add_done_callback(asking.discard)
    await asyncio.gather(*asking)
    for line in (line for of_door in lines for line in of_door):
        line.close()
    return answers


def figures(answers: Sequence[Answered], rate: float, seconds: float) -> dict[str, Any]:
    """What the answers say: milliseconds by what was expected, and how many were wrong."""
    by_kind = {kind: [one.took_s for one in answers if one.expected == kind] for kind in ("clear", "blocked")}
    return {
        "rate": rate,
        "seconds": seconds,
        "wrong": sum(one.said not in (one.expected, None) for one in answers),
        "cannot_say": sum(one.said is None for one in answers),
        "all": _percentiles([one.took_s for one in answers]),
        **{kind: _percentiles(took) for kind, took in by_kind.items() if took},
        "client_late": _percentiles([one.late_s for one in answers]),
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p95, p99, p999 = np.percentile(seconds, (50, 95, 99, 99.9))
    ms = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "p999_ms": p999, "max_ms": max(seconds)}
    return {"count": len(seconds), **{name: round(float(took) * 1000, 3) for name, took in ms.items()}}
