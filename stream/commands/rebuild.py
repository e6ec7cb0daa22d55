"""``chakong rebuild``: wipe the views in Redis and build them again from the log."""

from __future__ import annotations

import asyncio
import sys
import time

import click

from connectors.kafka.errors import KafkaError
from connectors.redis.client import connect
from connectors.redis.errors import RedisError
from connectors.redis.feeds import FeedsView
from connectors.redis.incidents import IncidentsView
from connectors.redis.index import RedisIndex
from connectors.redis.ledger import RedisLedger
from connectors.redis.queries import QueriesView
from connectors.redis.reachability import ReachabilityView
from deploy.local.errors import StackError
from matchers.keys import KeyHasher
from stream.local import settings_here
from stream.services.rebuilding import rebuild_incidents, rebuild_ledger, rebuild_reachability
from stream.services.views import TakesFeeds, TakesQueries, rebuild_view
from stream.settings import WorkerSettings


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def rebuild(*, yes: bool) -> None:
    """Wipe the views in Redis: index, ledger, tests of endpoints, incidents, feeds, questions.

    All are built again from Kafka, which is the only truth.

    All but the index are rebuilt here; the index by the workers, which wait meanwhile and acknowledge nothing.
    """
    try:
        settings = settings_here()
        if not yes:
            click.confirm("Wipe the views in Redis and build them again from the log?", abort=True)
        asyncio.run(_rebuild(settings))
    except (StackError, KafkaError, RedisError) as error:
        click.echo(f"chakong rebuild: {error}", err=True)
        sys.exit(1)


async def _rebuild(settings: WorkerSettings) -> None:
    started = time.monotonic()
    client = connect(settings.redis)
    try:
        space = settings.redis.namespace
        hasher = KeyHasher(settings.secret())
        await RedisIndex(client, hasher, space).wipe()
        click.echo("The index is wiped; the workers build it again from the orders.")
        ledger = RedisLedger(client, space)
        await ledger.wipe()
        read = await rebuild_ledger(settings.kafka, ledger)
        click.echo(f"The ledger is rebuilt from {read:,} receipts in {time.monotonic() - started:.1f} s.")
        tests = ReachabilityView(client, space)
        await tests.wipe()
        read = await rebuild_reachability(settings.kafka, tests)
        click.echo(f"What is known of endpoints is rebuilt from {read:,} records of tests.")
        incidents = IncidentsView(client, space)
        await incidents.wipe()
        read = await rebuild_incidents(settings.kafka, incidents)
        click.echo(f"Incidents are rebuilt from {read:,} steps.")
        for view in (TakesFeeds(FeedsView(client, hasher, space)), TakesQueries(QueriesView(client, space), hasher)):
            await view.wipe()
            read = await rebuild_view(settings.kafka, view)
            click.echo(f"{', '.join(view.topics)}: rebuilt from {read:,} records.")
    finally:
        await client.aclose()
