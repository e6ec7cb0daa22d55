"""The stack as a whole, with real servers that are broken on purpose. The tests share one stack and leave it up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redis

from deploy.local.addresses import Addresses
from deploy.local.kafka import KafkaProcess
from deploy.local.ports import LOOPBACK
from deploy.local.redis import RedisProcess
from deploy.local.stack import Stack

pytestmark = pytest.mark.integration


class Lines(list[str]):
    """What was reported."""

    def __call__(self, line: str) -> None:
        self.append(line)

    def starting(self, name: str) -> int:
        return sum(line.startswith("Starting") and name in line.title() for line in self)


@pytest.fixture
def local(module_stack: Stack) -> Stack:
    """The module's stack, up again whatever the test before did to it, and made of processes."""
    if module_stack.up(Lines()).origin != "processes":
        pytest.skip("in Docker there are no processes of ours to look at")
    return module_stack


def kafka_of(stack: Stack) -> KafkaProcess:
    assert isinstance(stack.kafka, KafkaProcess)
    return stack.kafka


def redis_of(stack: Stack) -> RedisProcess:
    assert isinstance(stack.redis, RedisProcess)
    return stack.redis


@contextmanager
def listener_on(port: int) -> Iterator[None]:
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((LOOPBACK, port))
        other.listen()
        yield


def test_a_second_up_finds_the_first(local: Stack) -> None:
    first, pid = local.find(), kafka_of(local).process.pid()
    said = Lines()
    assert local.up(said) == first
    assert kafka_of(local).process.pid() == pid
    assert said.starting("Kafka") == said.starting("Redis") == 0


def test_servers_listen_on_the_loopback_interface_only(local: Stack) -> None:
    _, _, addresses = socket.gethostbyname_ex(socket.gethostname())
    outward = [address for address in addresses if not address.startswith("127.")]
    for address in outward:
        for port in (kafka_of(local).port, kafka_of(local).controller_port, redis_of(local).port):
            with closing(socket.socket()) as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0


def test_kafka_creates_no_topic_by_itself_and_its_own_tools_see_those_created(local: Stack) -> None:
    local.kafka_tool("topics", "--create", "--topic", "made", "--partitions", "3")
    described = local.kafka_tool("topics", "--describe", "--topic", "made")
    assert "PartitionCount: 3" in described
    brokers = local.kafka_tool("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1")
    assert "auto.create.topics.enable=false" in brokers


def test_redis_evicts_nothing(local: Stack) -> None:
    with redis.Redis.from_url(redis_of(local).url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_a_killed_kafka_is_noticed_and_comes_back_with_its_topics(local: Stack) -> None:
    before = local.find()
    local.kafka_tool("topics", "--create", "--topic", "kept", "--partitions", "1")
    local.kafka.kill()
    assert local.find() is None
    said = Lines()
    assert local.up(said) == before
    assert (said.starting("Kafka"), said.starting("Redis")) == (1, 0)
    assert "kept" in local.kafka_tool("topics", "--list").split()


def test_a_paused_kafka_is_noticed_and_resumed_in_place(local: Stack) -> None:
    before, pid = local.find(), kafka_of(local).process.pid()
    local.kafka.pause()
    assert local.find() is None
    assert local.up(Lines()) == before
    assert kafka_of(local).process.pid() == pid


def test_a_killed_redis_comes_back_alone(local: Stack) -> None:
    before = local.find()
    local.redis.kill()
    assert local.find() is None
    said = Lines()
    assert local.up(said) == before
    assert (said.starting("Kafka"), said.starting("Redis")) == (0, 1)


def test_down_stops_all_and_a_port_taken_meanwhile_is_avoided(local: Stack) -> None:
    local.kafka_tool("topics", "--create", "--topic", "survives", "--partitions", "1")
    kafka, cache = kafka_of(local), redis_of(local)
    assert local.down(Lines())
    assert not kafka.runs()
    assert not cache.runs()
    assert local.find() is None
    assert not local.down(Lines()), "nothing was left to stop"
    with listener_on(kafka.port), listener_on(kafka.controller_port), listener_on(cache.port):
        again = local.up(Lines())
        assert again.kafka != kafka.bootstrap
        assert again.redis != cache.url
        assert "survives" in local.kafka_tool("topics", "--list").split()


def test_two_ups_at_once_start_one_stack(local: Stack) -> None:
    local.down(Lines())
    said, found = Lines(), list[Addresses]()
    threads = [threading.Thread(target=lambda: found.append(local.up(said))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 2
    assert found[0] == found[1]
    assert (said.starting("Kafka"), said.starting("Redis")) == (1, 1)


def test_a_lost_state_file_does_not_leave_servers_behind(local: Stack) -> None:
    kafka, cache = kafka_of(local), redis_of(local)
    (local.folder / "stack.json").unlink()
    assert local.find() is None
    assert local.down(Lines())
    assert not kafka.runs()
    assert not cache.runs()
