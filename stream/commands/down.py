"""``chakong down``: stop what ``up`` started."""

from __future__ import annotations

import sys

import click

from deploy.local import stack
from deploy.local.errors import StackError
from stream.local import project_root, running_processes


@click.command()
@click.option("--wipe", is_flag=True, help="Delete the data too.")
def down(*, wipe: bool) -> None:
    """Stop the door, the issuer, the workers, Kafka and Redis that up started."""
    root = project_root()
    try:
        processes = running_processes(root)
        for process in processes:
            click.echo(f"Stopping {process.name}")
            process.stop()
        ran = stack.down(root, click.echo, wipe=wipe)
    except StackError as error:
        click.echo(f"chakong down: {error}", err=True)
        sys.exit(1)
    if not ran and not processes:
        click.echo("Nothing was running.")
