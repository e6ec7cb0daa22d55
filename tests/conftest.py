"""Real servers for the tests that need them, and the promise that CI skips none of those.

`stack`, `kafka`, `redis_url`   one Kafka and one Redis for the whole session, started when the first test asks
`topic_prefix`                  a name of the test's own, so that tests do not meet in the shared Kafka
`private_stack`                 a Kafka and a Redis of the test's own, to be stopped, killed and paused at will
`module_stack`                  the same, shared by the tests of one module
`postgres_url`                  one PostgreSQL for the whole session, as SQLAlchemy has its address
`kcat`                          the path of the kcat program

A running stack is used instead when CHAKONG_KAFKA and CHAKONG_REDIS name one: quicker while one writes a test.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis
from hypothesis import HealthCheck, settings
from testcontainers.community.kafka import KafkaContainer
from testcontainers.community.redis import RedisContainer

from deploy.local import docker, tools
from deploy.local.addresses import Addresses
from deploy.local.environment import from_environment
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresProcess
from deploy.local.process import write_record
from deploy.local.redis import OPTIONS
from deploy.local.stack import Stack, shared_libs
from deploy.local.sweep import OWNER, is_abandoned, sweep
from stream import machine_code

# How long a test takes is the machine's affair and nobody's fault.
settings.register_profile("chakong", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chakong")

ROOT = Path(__file__).resolve().parent.parent
SERVER_FIXTURES = frozenset({"stack", "kafka", "redis_url", "private_stack", "module_stack", "postgres_url"})
#: The platform that has Apache Kafka 4.1 in it; testcontainers' Kafka module starts this family of images only.
KAFKA_IMAGE = "confluentinc/cp-kafka:8.1.0"
REDIS_IMAGE = "redis:7"

_log = logging.getLogger("tests.stack")


def pytest_sessionstart() -> None:
    """Tests that run side by side find the machine code compiled: whoever comes first compiles it, and the others wait."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        machine_code.ensure()


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A data folder of this session's own: neither a developer's stack nor another session is disturbed."""
    folder = ROOT / ".local" / "test" / f"session-{os.getpid()}"
    for other in folder.parent.glob("session-*"):
        # A session that was killed could not stop its servers.
        if is_abandoned(other) or other == folder:
            sweep(other, ROOT, _log.info)
            shutil.rmtree(other, ignore_errors=True)
    making = folder.with_name(f"making-{folder.name}")  # another session that begins now must not find it without its owner
    making.mkdir(parents=True, exist_ok=True)
    write_record(making / OWNER, os.getpid())
    making.rename(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(session_folder: Path) -> Iterator[Addresses]:
    """The session's Kafka and Redis: the environment's, or containers, or local processes."""
    with ExitStack() as cleanup:
        given = from_environment() or _containers(cleanup)
        if given is None:
            given, _ = cleanup.enter_context(_started(session_folder / "shared"))
        elif given.origin == "environment":
            _refuse_a_redis_in_use(given.redis)
        yield given


@pytest.fixture(scope="session")
def kafka(stack: Addresses) -> str:
    """Kafka's bootstrap servers."""
    return stack.kafka


@pytest.fixture
def redis_url(stack: Addresses) -> Iterator[str]:
    """An empty Redis."""
    with redis.Redis.from_url(stack.redis) as client:
        client.flushdb()
        yield stack.redis
        client.flushdb()


@pytest.fixture
def topic_prefix() -> str:
    """The start of a name for topics, groups and keys that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def private_stack(session_folder: Path) -> Iterator[Stack]:
    """A running stack that belongs to this test alone. Its servers may be stopped, killed and paused."""
    with _started(session_folder / f"private-{uuid.uuid4().hex[:8]}") as (_, own):
        yield own


@pytest.fixture(scope="module")
def module_stack(session_folder: Path) -> Iterator[Stack]:
    """A running stack that belongs to this module's tests. Whoever breaks it calls `up` again."""
    with _started(session_folder / f"module-{uuid.uuid4().hex[:8]}") as (_, own):
        yield own


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL that this session starts. Its folder is a temporary one, since root gives it to another user."""
    with TemporaryDirectory(prefix="chakong-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PostgresProcess(folder, free_port())
        server.start(_log.info)
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture(scope="session")
def kcat() -> str:
    """The path of kcat, a Kafka client that nobody here wrote; installed when it is missing and we are root."""
    (path,) = tools.provide((tools.KCAT,), _log.info)
    return path


@contextmanager
def _started(folder: Path) -> Iterator[tuple[Addresses, Stack]]:
    own = Stack(folder, shared_libs(ROOT), ("docker", "processes"))
    try:
        yield own.up(_log.info), own
    finally:
        own.down(_log.info, wipe=True)
        shutil.rmtree(folder, ignore_errors=True)


def _containers(cleanup: ExitStack) -> Addresses | None:
    """Kafka and Redis by testcontainers, where a Docker engine answers and can start them."""
    if not docker.engine_answers():
        return None
    with ExitStack() as started:
        kafka = KafkaContainer(KAFKA_IMAGE).with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        server = RedisContainer(REDIS_IMAGE).with_command(["redis-server", *OPTIONS])
        try:
            started.enter_context(kafka)
            started.enter_context(server)
        except Exception as error:  # whatever Docker says, local processes are as good
            _log.warning("Docker answers and cannot start Kafka and Redis: %s", error)
            return None
        cleanup.push(started.pop_all())
    port = server.get_exposed_port(server.port)
    return Addresses(kafka.get_bootstrap_server(), f"redis://{server.get_container_host_ip()}:{port}/0", "docker")


def _refuse_a_redis_in_use(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        if client.dbsize():
            pytest.fail("CHAKONG_REDIS names a database that holds data, and the tests empty theirs. Give them another.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a server is an integration test, said or unsaid."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped integration test is a failed one: a missing server must not look like success."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and os.environ.get("CI") and item.get_closest_marker("integration"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI skips no integration test: {report.longrepr}"
    return report
