"""``chakong issuer``: a small OpenID provider of sample users, for this machine alone."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import Final

import click
import uvicorn

from connectors.courts.addresses import is_loopback
from connectors.identity.issuer.app import LocalIssuer
from connectors.identity.issuer.tokens import TokenMaker

CANNOT_START: Final = 2
PORT: Final = 8471
LIFETIME_S: Final = 3600


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of loopback.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--audience", default="chakong", show_default=True, help="What its tokens are for.")
@click.option(
    "--lifetime", type=click.IntRange(1, 86_400), default=LIFETIME_S, show_default=True, help="Of a token, in seconds."
)
def issuer(host: str, port: int, audience: str, lifetime: int) -> None:
    """Give tokens of sample users to whoever asks on this machine. Not for production: it refuses CHAKONG_MODE=production."""
    if os.environ.get("CHAKONG_MODE", "").strip().lower() == "production":
        _give_up("its users have no passwords: it does not run with CHAKONG_MODE=production")
    if not is_loopback(host):
        _give_up("its users have no passwords: it listens on loopback only")
    tokens = TokenMaker(f"http://{host}:{port}", audience, lifetime, lambda: dt.datetime.now(dt.UTC))
    served = uvicorn.Config(
        LocalIssuer(tokens).app(), host=host, port=port, access_log=False, server_header=False, log_level="warning"
    )
    uvicorn.Server(served).run()


def _give_up(why: str) -> None:
    click.echo(f"chakong issuer: {why}", err=True)
    sys.exit(CANNOT_START)
