"""``chakong token``: an access token of a sample user, from the issuer that `chakong up` runs here."""

from __future__ import annotations

import http.client
import json
import sys
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlencode

import click

from connectors.identity.issuer.samples import SAMPLES
from deploy.local import stack
from stream.local import deployment_of, project_root

ANSWER_S_MAX: Final = 10.0
_WHO: Final = ", ".join(sample.id for sample in SAMPLES)


@click.command(epilog=f"Sample users: {_WHO}.")
@click.argument("role", required=False)
@click.option("--rotate", is_flag=True, help="First let the issuer sign with a new key.")
def token(role: str | None, *, rotate: bool) -> None:
    """Print a token of the sample user that has this ROLE, for the door that `chakong up` opened."""
    if role is None and not rotate:
        raise click.UsageError(f"name a role, or one of: {_WHO}")
    root = project_root()
    addresses = stack.find(root)
    issuer = None if addresses is None else deployment_of(root, addresses).issuer_url()
    if issuer is None:
        _give_up("no issuer runs here: start it with `chakong up`")
        return
    try:
        if rotate:
            _posted(issuer, "/keys/rotate", {})
        if role is not None:
            click.echo(_posted(issuer, "/token", {"grant_type": "client_credentials", "client_id": role})["access_token"])
    except LookupError:
        _give_up(f"there is no sample user of that role; there are: {_WHO}")
    except (OSError, http.client.HTTPException) as error:
        _give_up(f"the issuer does not answer: {error}")


def _posted(issuer: str, path: str, fields: dict[str, str]) -> dict[str, Any]:
    """Raises OSError, http.client.HTTPException; LookupError: it refuses."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    with closing(http.client.HTTPConnection(issuer.removeprefix("http://"), timeout=ANSWER_S_MAX)) as connection:
        connection.request("POST", path, urlencode(fields), form)
        answer = connection.getresponse()
        if answer.status != 200:
            raise LookupError
        said: dict[str, Any] = json.load(answer)
        return said


def _give_up(why: str) -> None:
    click.echo(f"chakong token: {why}", err=True)
    sys.exit(1)
