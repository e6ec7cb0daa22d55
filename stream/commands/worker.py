"""``chakong worker``: one Faust worker."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Final

import click
import faust
import structlog
from pydantic import ValidationError

from connectors.courts.endpoints import EndpointsError
from connectors.kafka.errors import KafkaError
from matchers.wire import reason
from stream.app import build_app
from stream.settings import WorkerSettings
from stream.wiring import Wiring
from watchlists.policy import PolicyError

CANNOT_START: Final = 2
SWITCH_S: Final = 0.0005
"""How long the screening thread keeps the interpreter while the event loop waits: a hit passes the loop some twenty times."""

GARBAGE_EVERY: Final = 200_000
"""Objects made and not freed before the collector looks for cycles. A batch of sightings is 8,192 objects without any; by
Python's own 700 it was searched a dozen times, for two fifths of the screening thread's time."""


@click.command()
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=None, help="Prometheus metrics; 0 takes a free port.")
def worker(metrics_port: int | None) -> None:
    """Run one Faust worker; run as many as you like. Settings come from the environment (CHAKONG_...)."""
    log_to_stderr()
    sys.setswitchinterval(SWITCH_S)
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
    app = build_app(wiring)
    gc.collect()
    gc.freeze()  # what is loaded stays, and need not be looked at again
    gc.set_threshold(GARBAGE_EVERY, 10, 10)
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True).execute_from_commandline()


def log_to_stderr() -> None:
    """Structured logs: one JSON object a line, ids and reasons only."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _give_up(why: str) -> None:
    click.echo(f"chakong worker: {why}", err=True)
    sys.exit(CANNOT_START)
