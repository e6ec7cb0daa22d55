"""``chakong worker``: one Faust worker."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import faust
import structlog
from pydantic import ValidationError

from connectors.courts.endpoints import EndpointsError
from connectors.kafka.errors import KafkaError
from matchers.wire import reason
from stream.app import build_app
from stream.interpreter import settle
from stream.logs import log_to_stderr
from stream.settings import WorkerSettings
from stream.wiring import Wiring
from watchlists.policy import PolicyError

CANNOT_START: Final = 2


@click.command()
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=None, help="Prometheus metrics; 0 takes a free port.")
def worker(metrics_port: int | None) -> None:
    """Run one Faust worker; run as many as you like. Settings come from the environment (CHAKONG_...)."""
    log_to_stderr()
    try:
        settings = WorkerSettings() if metrics_port is None else WorkerSettings(metrics_port=metrics_port)
        wiring = Wiring(settings)
        made = wiring.make_topics()
    except ValidationError as error:
        _give_up(reason(error))
    except (ValueError, KafkaError, PolicyError, EndpointsError) as error:
        _give_up(str(error))
    if made:
        structlog.get_logger("worker").info("topics made", topics=made)
    with TemporaryDirectory(prefix="chakong-worker-") as folder:
        app = build_app(wiring, Path(folder))
        settle()
        process = faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True)
        process.spinner = None  # it hides and shows a cursor in the midst of the log's lines
        process.execute_from_commandline()


def _give_up(why: str) -> None:
    click.echo(f"chakong worker: {why}", err=True)
    sys.exit(CANNOT_START)
