"""``chakong up``: all of a deployment on this machine: servers, topics, a worker, intake, registry, door and an issuer."""

from __future__ import annotations

import sys

import click

from deploy.local import stack
from deploy.local.deployment import Deployment
from deploy.local.errors import StackError
from stream.local import deployment_of, project_root, wait_for_workers


@click.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(0, 64), help="How many workers to run.")
def up(workers: int) -> None:
    """Start Kafka and Redis (or find them), make the topics, start workers, intake and door. A second up finds the first."""
    root = project_root()
    try:
        addresses = stack.up(root, click.echo)
        deployment: Deployment = deployment_of(root, addresses)
        deployment.prepare()
        started = [deployment.start_worker(number) for number in range(1, workers + 1)]
        wait_for_workers(deployment, started, click.echo)
        deployment.start_intake()
        deployment.start_registry()
        issuer = deployment.start_issuer()
        door = deployment.start_door(issuer)
    except StackError as error:
        click.echo(f"chakong up: {error}", err=True)
        sys.exit(1)
    click.echo(f"Kafka {addresses.kafka}, Redis {addresses.redis}, {workers} worker(s).")
    click.echo(f"Endpoints of the courts: {deployment.endpoints_file} (restart the worker after a change).")
    click.echo(f"The courts' door: {door}; tokens of the courts: {deployment.tokens_file}.")
    if issuer is not None:
        click.echo(f"Sample users of every role: {issuer} (or: chakong token ROLE).")
    click.echo(f"Whose seals are trusted: {deployment.trust_folder} (nobody's at first; see docs/documents.md).")
    click.echo(f"The registry of the fast query holds made-up people alone: {deployment.registry().folder}.")
    click.echo("Stop it all with: chakong down")
