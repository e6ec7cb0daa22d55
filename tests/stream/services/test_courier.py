"""The courier: the first endpoint that takes it, the fence before each attempt, and a short queue for each endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from connectors.courts.attempt import Attempt
from connectors.courts.endpoint import Endpoint
from connectors.courts.signature import new_secret
from stream.core.delivery import Reason
from stream.core.notification import hit_notification
from stream.services.courier import QUEUE_MAX, Courier, always
from tests.stream.core.hits import AT, hit

NEWS = hit_notification(hit(), update=False, at=AT)


def endpoint(name: str) -> Endpoint:
    return Endpoint.of("440106", f"https://{name}.example/hits", new_secret(b"0" * 32))


class Courts:
    """Answers by the endpoint's host; what is not named never gets its turn."""

    def __init__(self, **answers: Attempt) -> None:
        self._answers, self.asked = answers, list[str]()

    @asynccontextmanager
    async def turn(self, endpoint: Endpoint, _stale_s: float) -> AsyncIterator[Callable[[Any], Coroutine[Any, Any, Attempt]]]:
        name = endpoint.url.get_secret_value().removeprefix("https://").partition(".")[0]
        if name not in self._answers:
            await asyncio.Event().wait()

        async def post(_news: Any) -> Attempt:
            self.asked.append(name)
            return self._answers[name]

        yield post


TAKES = Attempt(Reason.DELIVERED, False, "HTTP 204", may_have_arrived=True)
REFUSES = Attempt(Reason.REFUSED, True, "HTTP 500", retry_after_s=7.0, may_have_arrived=True)
GONE = Attempt(Reason.ENDPOINT_GONE, False, "HTTP 410")


async def test_the_next_endpoint_is_tried_where_the_first_does_not_take_it() -> None:
    courts = Courts(first=REFUSES, second=TAKES, third=TAKES)
    made = await Courier(courts).round(NEWS, [endpoint("first"), endpoint("second"), endpoint("third")], always)  # type: ignore[arg-type]
    assert courts.asked == ["first", "second"]
    assert made.delivered
    assert [attempt for _, attempt in made.tried] == [REFUSES, TAKES]


async def test_another_round_may_help_where_one_endpoint_may_answer_later() -> None:
    made = await Courier(Courts(first=GONE, second=REFUSES)).round(NEWS, [endpoint("first"), endpoint("second")], always)  # type: ignore[arg-type]
    assert (made.delivered, made.retry, made.wait_s) == (False, True, 7.0)
    made = await Courier(Courts(first=GONE)).round(NEWS, [endpoint("first")], always)  # type: ignore[arg-type]
    assert (made.retry, made.wait_s) == (False, 0.0)


async def test_nothing_is_sent_once_the_fence_is_shut() -> None:
    courts = Courts(first=REFUSES, second=TAKES)
    open_for = iter([True, False])

    async def may_send() -> bool:
        return next(open_for)

    made = await Courier(courts).round(NEWS, [endpoint("first"), endpoint("second")], may_send)  # type: ignore[arg-type]
    assert courts.asked == ["first"]
    assert (made.closed, made.delivered) == (True, False)


async def test_a_dead_endpoint_has_a_short_queue_and_delays_no_other() -> None:
    courier = Courier(Courts(alive=TAKES))  # type: ignore[arg-type]
    dead = [asyncio.create_task(courier.round(NEWS, [endpoint("dead")], always)) for _ in range(QUEUE_MAX)]
    await asyncio.sleep(0)
    made = await courier.round(NEWS, [endpoint("dead")], always)
    assert [attempt.outcome for _, attempt in made.tried] == [Reason.BUSY]
    assert (await courier.round(NEWS, [endpoint("alive")], always)).delivered
    for task in dead:
        task.cancel()
    await asyncio.gather(*dead, return_exceptions=True)
    made = await courier.round(NEWS, [endpoint("dead"), endpoint("alive")][1:], always)
    assert made.delivered
