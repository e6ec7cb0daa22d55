"""One face for all channels: turns, health, and what an inbox takes for delivery."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from connectors.courts.channels import Channels
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.misbehaviour import HANGS, Misbehaviour
from connectors.courts.receiver import Receiver
from connectors.courts.settings import CourtsSettings
from stream.core.delivery import Reason
from stream.core.escalation import Level
from stream.core.health import Change, State
from stream.core.notification import Notification
from tests.clock import Clock
from tests.connectors.courts.cases import SECRET, notification

FAILS = CourtsSettings(failures_max=3, failing_s=10, probe_first_s=5, probe_longest_s=60)


@pytest.fixture
async def court() -> AsyncIterator[Receiver]:
    async with Receiver(SECRET) as receiver:
        yield receiver


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Memory:
    """Gone endpoints, remembered by the test."""

    def __init__(self) -> None:
        self.digests: set[str] = set()

    async def disabled(self) -> frozenset[str]:
        return frozenset(self.digests)

    async def disable(self, digest: str, at: dt.datetime) -> None:
        self.digests.add(digest)


async def test_410_ends_the_endpoint_and_no_other_and_outlives_a_restart(court: Receiver) -> None:
    memory = Memory()
    court.misbehave("/courts/440106", Misbehaviour(410, times=1))
    async with Channels(disabled=memory) as channels:
        attempts = [await channels.post(court.endpoint("440106"), notification()) for _ in range(2)]
        other = await channels.post(court.endpoint("110101"), notification(court="110101"))
    async with Channels(disabled=memory) as channels:
        await channels.start()
        attempts.append(await channels.post(court.endpoint("440106"), notification()))
        edited = Endpoint.of("440106", court.url("440106") + "?v=2", SECRET, http_allowed=True)
        assert (await channels.post(edited, notification())).outcome is Reason.DELIVERED
    assert [(attempt.outcome, attempt.retry, attempt.status) for attempt in attempts] == [
        (Reason.ENDPOINT_GONE, False, 410),
        (Reason.ENDPOINT_GONE, False, None),
        (Reason.ENDPOINT_GONE, False, None),
    ]
    assert other.outcome is Reason.DELIVERED
    assert court.counts["requests"] == 3


async def test_repeated_failure_opens_the_circuit_and_a_probe_closes_it(court: Receiver, clock: Clock) -> None:
    changes: list[tuple[str, Change]] = []

    def changed(endpoint: Endpoint, change: Change) -> None:
        changes.append((endpoint.court, change))

    court.misbehave("440106", Misbehaviour(500))
    async with Channels(FAILS, on_change=changed, clock=clock) as channels:
        endpoint = court.endpoint("440106")
        for seconds in (5, 5, 0):
            assert (await channels.post(endpoint, notification())).outcome is Reason.REFUSED
            clock.forward(seconds)
        resting = await channels.post(endpoint, notification())
        clock.forward(5)
        failed = await channels.post(endpoint, notification())
        still = await channels.post(endpoint, notification())
        court.misbehave("440106", None)
        clock.forward(11)
        delivered = await channels.post(endpoint, notification())
        assert (await channels.post(court.endpoint("110101"), notification(court="110101"))).outcome is Reason.DELIVERED
    assert (resting.outcome, resting.retry, resting.retry_after_s) == (Reason.CIRCUIT_OPEN, True, 5.0)
    assert not resting.may_have_arrived
    assert (failed.outcome, still.outcome, delivered.outcome) == (Reason.REFUSED, Reason.CIRCUIT_OPEN, Reason.DELIVERED)
    assert still.retry_after_s == 10.0
    states = (State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED)
    assert [(court, change.after) for court, change in changes] == [("440106", state) for state in states]
    recovered = changes[-1][1]
    assert (recovered.before, recovered.health.failures, recovered.health.reason) == (State.HALF_OPEN, 4, Reason.REFUSED)
    assert (recovered.at - (recovered.health.since or recovered.at)).total_seconds() == 26


async def test_an_endpoint_that_rests_is_not_waited_for(court: Receiver, clock: Clock) -> None:
    court.misbehave("440106", Misbehaviour(500))
    settings = FAILS.model_copy(update={"in_flight_max": 1, "failures_max": 1, "failing_s": 0.0})
    async with Channels(settings, clock=clock) as channels:
        endpoint = court.endpoint("440106")
        async with channels.turn(endpoint):
            waiting = asyncio.create_task(channels.post(endpoint, notification()))
        assert (await waiting).outcome is Reason.REFUSED
        clock.forward(6)
        async with channels.turn(endpoint) as probe:  # the only turn is held
            assert (await probe(notification())).outcome is Reason.REFUSED
            assert (await channels.post(endpoint, notification())).outcome is Reason.CIRCUIT_OPEN


async def test_no_more_attempts_run_at_once_than_the_endpoint_has_turns_and_others_do_not_wait(court: Receiver) -> None:
    court.misbehave("440106", HANGS)
    async with Channels(CourtsSettings(in_flight_max=3, total_s=30)) as channels:
        waiting = [asyncio.create_task(channels.post(court.endpoint("440106"), notification(f"a-{n}"))) for n in range(9)]
        other = await channels.post(court.endpoint("110101"), notification(court="110101"))
        assert other.outcome is Reason.DELIVERED
        while court.counts["misbehaved"] < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert court.counts["misbehaved"] == 3
        for task in waiting:
            task.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        court.misbehave("440106", None)
        assert (await channels.post(court.endpoint("440106"), notification())).outcome is Reason.DELIVERED


async def test_within_a_turn_the_caller_looks_again_before_the_attempt(court: Receiver) -> None:
    async with Channels() as channels, channels.turn(court.endpoint()) as turn:
        assert court.counts["requests"] == 0
        assert (await turn(notification())).outcome is Reason.DELIVERED


async def test_an_idle_connection_is_used_again_and_then_closed() -> None:
    connections, ended = 0, asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, Channels(CourtsSettings(idle_s=0.3)) as channels:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        endpoint = Endpoint.of("440106", url, SECRET, http_allowed=True)
        for _ in range(3):
            assert (await channels.post(endpoint, notification())).outcome is Reason.DELIVERED
        assert connections == 1
        async with asyncio.timeout(10):
            await ended.wait()


async def test_an_inbox_has_its_news_once_that_is_stored() -> None:
    stored: list[tuple[str, str]] = []

    async def store(court: str, news: Notification) -> None:
        stored.append((court, news.id))

    inbox = Endpoint(court="440106", channel="inbox", url="inbox:440106")  # type: ignore[arg-type]
    async with Channels(inbox=store) as channels:
        assert channels.names == {"webhook", "inbox"}
        attempt = await channels.post(inbox, notification("a-1"))
    assert (attempt.outcome, attempt.may_have_arrived) == (Reason.DELIVERED, True)
    assert stored == [("440106", "a-1")]


async def test_an_inbox_that_is_not_stored_in_time_may_have_arrived() -> None:
    async def store(court: str, news: Notification) -> None:
        await asyncio.Event().wait()

    inbox = Endpoint(court="440106", channel="inbox", url="inbox:440106")  # type: ignore[arg-type]
    async with Channels(CourtsSettings(total_s=0.05), inbox=store) as channels:
        attempt = await channels.post(inbox, notification())
    assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.TIMED_OUT, True, True)


def test_a_court_s_people_are_told_in_the_file_s_order_and_others_by_the_star() -> None:
    own = [Endpoint.of("440106", f"https://court.example/{n}", SECRET) for n in range(2)]
    star = Endpoint.of("*", "https://any.example/", SECRET)
    high = Endpoint.of("44", "https://high.example/", SECRET, level="high_court")
    nation = Endpoint.of("nation", "https://nation.example/", SECRET, level="national_command")
    endpoints = Endpoints([own[0], star, high, nation, own[1]])
    court, other = SimpleNamespace(code="440106", province="44"), SimpleNamespace(code="110101", province=None)
    assert endpoints.of(court) == tuple(own)
    assert endpoints.of(other) == (star,)
    assert endpoints.of(court, "duty_desk") == ()
    assert endpoints.of(court, "high_court") == (high,)
    assert endpoints.of(other, "high_court") == ()
    assert endpoints.of(other, "national_command") == (nation,)


def test_where_else_a_court_is_told_begins_with_its_handler_and_goes_up_its_chain() -> None:
    def of(court: str, level: Level, name: str = "") -> Endpoint:
        return Endpoint.of(court, f"https://{level.replace('_', '-')}.example/{court.strip('*')}{name}", SECRET, level=level)

    first, second, desk = of("440106", "handler"), of("440106", "handler", "/2"), of("440106", "duty_desk")
    other, bureau, any_desk = of("110101", "handler"), of("*", "enforcement_bureau"), of("*", "duty_desk")
    high, other_high, nation = of("44", "high_court"), of("11", "high_court"), of("nation", "national_command")
    endpoints = Endpoints([nation, high, other_high, any_desk, bureau, desk, first, second, other])
    assert endpoints.beside(first) == (second, desk, bureau, high, nation)
    assert endpoints.beside(desk) == (first, second, bureau, high, nation)
    assert endpoints.beside(other) == (any_desk, bureau, other_high, nation)
    assert endpoints.beside(bureau) == (any_desk, nation)
    assert endpoints.beside(high) == (nation,)
    assert endpoints.beside(nation) == ()
    assert endpoints.named(desk.digest) == desk
    assert endpoints.named("") is None
