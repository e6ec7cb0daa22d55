"""``chakong down``: stop what ``up`` started."""

from __future__ import annotations

import sys

import click

from deploy.local import stack
from deploy.local.errors import StackError
from stream.local import project_root, running_workers


@click.command()
@click.option("--wipe", is_flag=True, help="Delete the data too.")
def down(*, wipe: bool) -> None:
    """Stop the workers, Kafka and Redis that up started."""
    root = project_root()
    try:
        workers = running_workers(root)
        for worker in workers:
            click.echo(f"Stopping {worker.name}")
            worker.stop()
        ran = stack.down(root, click.echo, wipe=wipe)
    except StackError as error:
        click.echo(f"chakong down: {error}", err=True)
        sys.exit(1)
    if not ran and not workers:
        click.echo("Nothing was running.")
