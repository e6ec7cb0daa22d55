"""The receiving court checks what it is sent, remembers it, and misbehaves as told."""

import asyncio
import datetime as dt
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import standardwebhooks

from connectors.courts.endpoints import Endpoints
from connectors.courts.misbehaviour import Misbehaviour
from connectors.courts.receiver import Received, Receiver
from connectors.courts.webhook import Webhook
from stream.core.delivery import Reason
from tests.connectors.courts.cases import OTHER_SECRET, SECRET, notification
from watchlists.order import Court

BODY = notification("a-1").body()


def signed(body: bytes = BODY, secret: str = SECRET, event_id: str = "a-1", age_s: float = 0) -> dict[str, str]:
    """Headers as the reference package signs them."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    return {
        "content-type": "application/cloudevents+json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(event_id, moment, body.decode()),
    }


@pytest.fixture
async def court() -> AsyncIterator[Receiver]:
    async with Receiver(SECRET) as receiver:
        yield receiver


async def send(court: Receiver, body: bytes = BODY, headers: dict[str, str] | None = None, method: str = "POST") -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, court.url("440106"), data=body, headers=headers or signed(body)) as answer,
    ):
        return answer.status


async def test_what_the_reference_package_signs_is_taken(court: Receiver) -> None:
    assert await send(court) == 204
    assert list(court.received) == ["a-1"]


async def test_one_good_signature_among_several_is_enough(court: Receiver) -> None:
    headers = signed()
    wrong = signed(secret=OTHER_SECRET)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {wrong} v1,=== {headers['webhook-signature']}"
    assert await send(court, headers=headers) == 204


@pytest.mark.parametrize(
    ("body", "headers", "counted"),
    [
        (BODY, lambda: signed(secret=OTHER_SECRET), "bad_signature"),
        (BODY + b" ", lambda: signed(), "bad_signature"),
        (BODY, lambda: {**signed(), "webhook-id": "a-2"}, "bad_signature"),
        (BODY, lambda: {**signed(), "webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")}, "bad_signature"),
        (BODY, lambda: {**signed(), "webhook-signature": "v1,"}, "bad_signature"),
        (BODY, lambda: {**signed(), "webhook-timestamp": "soon"}, "bad_timestamp"),
        (BODY, lambda: {**signed(), "webhook-timestamp": "-1"}, "bad_timestamp"),
        (BODY, lambda: signed(age_s=310), "stale"),
        (BODY, lambda: signed(age_s=-310), "stale"),
        (BODY, lambda: {name: value for name, value in signed().items() if name != "webhook-id"}, "header_missing"),
        (BODY, lambda: {**signed(), "content-type": "application/json"}, "not_a_cloudevent"),
        (BODY, lambda: signed(event_id="a-2"), "not_a_cloudevent"),
        (b"[]", lambda: signed(b"[]"), "not_a_cloudevent"),
        (b"{", lambda: signed(b"{"), "not_a_cloudevent"),
    ],
)
async def test_what_is_not_right_is_refused_and_counted(
    court: Receiver, body: bytes, headers: Callable[[], dict[str, str]], counted: str
) -> None:
    assert await send(court, body, headers()) == 400  # signed now: the suite may have run for long
    assert court.counts[counted] == 1
    assert not court.received


async def test_only_posts_of_a_bearable_length_are_read(court: Receiver) -> None:
    assert await send(court, b"", signed(), "GET") == 400
    long = b"x" * (3 << 20)
    assert await send(court, long, signed(long)) == 400
    assert (court.counts["not_a_post"], court.counts["too_long"]) == (1, 1)


async def test_a_repeat_is_counted_and_told_but_kept_once() -> None:
    told: list[Received] = []
    async with Receiver(SECRET, on_notification=told.append) as court:
        for _ in range(3):
            assert await send(court) == 204
    assert [seen.times for seen in court.received.values()] == [3]
    assert len(told) == 3
    assert court.counts["repeats"] == 2


async def test_only_the_last_are_remembered() -> None:
    async with Receiver(SECRET, kept_max=2) as court, Webhook() as webhook:
        for name in ("a", "b", "c"):
            await webhook.post(court.endpoint(), notification(name))
    assert list(court.received) == ["b", "c"]


async def test_misbehaviour_ends_after_its_times_and_leaves_the_caller_s_own_alone(court: Receiver) -> None:
    twice = Misbehaviour(500, times=2)
    court.misbehave("440106", twice)
    assert [await send(court) for _ in range(3)] == [500, 500, 204]
    assert twice.times == 2


async def test_misbehaviour_is_for_one_path_or_court_and_may_come_after_taking_the_news_in(court: Receiver) -> None:
    court.misbehave("/courts/110101", Misbehaviour(503))
    assert await send(court) == 204
    court.misbehave("/courts/440106", Misbehaviour(503, keeps=True))
    body = notification("a-2").body()
    assert await send(court, body, signed(body, event_id="a-2")) == 503
    assert list(court.received) == ["a-1", "a-2"]


async def test_its_entries_make_a_file_of_endpoints_that_works(court: Receiver, tmp_path: Path) -> None:
    path = tmp_path / "courts.toml"
    path.write_text(court.entry() + court.entry("440106"))
    assert len(tomllib.loads(path.read_text())["endpoint"]) == 2
    endpoints = Endpoints.load(path)
    async with Webhook() as webhook:
        for code in ("440106", "110101"):
            (endpoint,) = endpoints.of(Court(code=code))
            assert (await webhook.post(endpoint, notification(code, court=code))).outcome is Reason.DELIVERED
    assert {seen.court for seen in court.received.values()} == {"440106", "110101"}


async def test_stopping_does_not_wait_for_a_hanging_answer() -> None:
    async with Receiver(SECRET) as court:
        court.misbehave("440106", Misbehaviour(wait_s=float("inf")))
        sending = asyncio.create_task(send(court))
        while not court.counts["misbehaved"]:
            await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2
    with pytest.raises(aiohttp.ClientError):
        await sending


async def test_a_taken_port_is_an_error(court: Receiver) -> None:
    with pytest.raises(OSError, match="in use"):
        await Receiver(SECRET, port=court.port).start()


async def test_a_court_that_stopped_refuses_connections_and_started_again_is_where_it_was() -> None:
    async with Receiver(SECRET) as court, Webhook() as webhook:
        endpoint = court.endpoint()
        await court.stop()
        refused = await webhook.post(endpoint, notification("a-1"))
        await court.start()
        again = await webhook.post(endpoint, notification("a-1"))
        assert (refused.outcome, refused.may_have_arrived) == (Reason.UNREACHABLE, False)
        assert again.outcome is Reason.DELIVERED
        assert list(court.received) == ["a-1"]
