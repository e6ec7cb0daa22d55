"""``chakong bench checks``: how long a desk waits for an answer, at a rate of checks, beside a running worker.

The baselines are of the same run: the same requests to the same server with nothing behind it, and the door at a low rate.
Every answer is held against what is known of the subject.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import random
import secrets
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.checks_load import Request, figures, loaded
from benchmarks.machine import cpu_seconds, keep
from benchmarks.stage import Stage, staged
from connectors.kafka.records import Record
from connectors.kafka.topics import ORDERS
from deploy.local import stack
from deploy.local.addresses import Addresses
from deploy.local.ports import free_port
from deploy.local.probe import http_silence
from deploy.local.process import Process
from stream.local import project_root
from synthetic.world import World

SEED: Final = 43
WARM_UP_S: Final = 5.0
LOW_RATE: Final = 100.0
STARTS_S: Final = 60.0
STOPS_S: Final = 20.0
Subjects = Sequence[dict[str, Any]]


@click.command()
@click.option("--rate", default=500.0, show_default=True, type=click.FloatRange(1), help="Checks a second.")
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(1), help="How long each is measured.")
@click.option("--orders", default=100_000, show_default=True, type=click.IntRange(100))
@click.option("--positives", default=0.005, show_default=True, type=click.FloatRange(0, 1), help="Share that is blocked.")
@click.option("--doors", default=2, show_default=True, type=click.IntRange(1), help="Door processes, besides one alone.")
def checks(rate: float, seconds: float, orders: int, positives: float, doors: int) -> None:
    """Checks of desks that wait: asked to answered."""
    console = Console()
    root = project_root()
    addresses = stack.up(root, console.print)
    points = asyncio.run(_points(root, addresses, rate, seconds, orders, positives, doors))
    table = Table("", "doors", "a second", "p50 ms", "p99 ms", "blocked p99 ms", "unsaid", "door µs", "load", title="Checks")
    for point in points:
        every, blocked = point["all"], point.get("blocked", {})
        cells = (point["rate"], every["p50_ms"], every["p99_ms"], blocked.get("p99_ms"), point["cannot_say"])
        shown = ("" if cell is None else f"{cell:,.1f}" for cell in (*cells, point["cpu_us"], point["load_average"]))
        table.add_row(point["what"], str(point["doors"]), *shown)
    console.print(table)
    console.print(f"Kept in {keep('checks', {'orders': orders, 'positives': positives, 'points': points})}")
    if any(point["wrong"] for point in points):
        sys.exit(1)


async def _points(
    root: Path, addresses: Addresses, rate: float, seconds: float, orders: int, positives: float, doors: int
) -> list[dict[str, Any]]:
    world = World(SEED, orders=orders, at=dt.datetime.now(dt.UTC))
    placed = [Record(ORDERS, *record) for record in world.orders()]
    sealed = _sealed(placed)
    token = secrets.token_urlsafe(32)
    async with staged(root, addresses, 1, "checks") as stage:
        await stage.place(placed)

        async def point(
            what: str, commands: Sequence[Process], ports: Sequence[int], rate: float, share: float
        ) -> dict[str, Any]:
            asked = _requests(sealed, share)
            await loaded(ports, asked, token, rate, WARM_UP_S)
            pids = [pid for command in commands if (pid := command.pid()) is not None]
            before_s = sum(map(cpu_seconds, pids))
            found = figures(await loaded(ports, asked, token, rate, seconds), rate, seconds)
            spent_s = sum(map(cpu_seconds, pids)) - before_s
            cpu_us = round(spent_s / found["all"]["count"] * 1e6, 1)
            return {"what": what, "doors": len(ports), "load_average": os.getloadavg()[0], "cpu_us": cpu_us, **found}

        with _started(stage, token, 1, bare=True) as (commands, ports):
            points = [await point("nothing behind", commands, ports, rate, 0.0)]
        with _started(stage, token, doors) as (commands, ports):
            points += [await point("the door", commands[:1], ports[:1], each, positives) for each in (LOW_RATE, rate)]
            if doors > 1:
                points.append(await point("the door", commands, ports, rate, positives))
    return points


def _sealed(placed: Sequence[Record]) -> Subjects:
    """The vehicles that are sealed now."""
    now, sealed = dt.datetime.now(dt.UTC), []
    for record in placed:
        order = json.loads(record.value)
        until = order["control"].get("until")
        begun = dt.datetime.fromisoformat(order["control"]["from"]) <= now
        lasts = until is None or now + dt.timedelta(hours=1) < dt.datetime.fromisoformat(until)
        if order["measure"] == "vehicle_seizure" and begun and lasts:
            sealed.append(order["vehicle"])
    return sealed


def _requests(sealed: Subjects, positives: float) -> Iterator[Request]:
    """Vehicles and travellers in turn, nobody's but for a share of sealed vehicles; the same for every point, but for ids."""
    dice = random.Random(SEED)
    while True:
        office, border = ({"code": f"440106-{kind}-{dice.randrange(200):04d}", "province": "44"} for kind in "VB")
        if dice.random() < positives:
            yield _vehicle(office, dice.choice(sealed), "blocked")
        elif dice.random() < 0.5:
            yield _vehicle(office, {"plate": f"粤Z{dice.randrange(10_000, 99_999)}Z", "plate_class": "52"}, "clear")
        else:
            document = {"type": "passport", "number": f"Z{dice.randrange(10_000_000, 99_999_999)}"}
            person = {"document": document, "name": "王伟"}
            yield Request("/v1/checks/exit", {"id": uuid.uuid4().hex, "station": border, "person": person}, "clear")


def _vehicle(station: dict[str, str], vehicle: dict[str, Any], expected: str) -> Request:
    given = {name: vehicle[name] for name in ("plate", "plate_class", "vin") if vehicle.get(name)}
    body = {"id": uuid.uuid4().hex, "station": station, "vehicle": given, "occasion": "transfer_registration"}
    return Request("/v1/checks/vehicle", body, expected)


@contextmanager
def _started(stage: Stage, token: str, doors: int, *, bare: bool = False) -> Iterator[tuple[list[Process], list[int]]]:
    """So many door processes, or the server with nothing behind it; each with its port."""
    folder, ports = stage.deployment.folder, [free_port() for _ in range(doors)]
    tokens = folder / "tokens.toml"
    (folder / "police.token").write_text(token, "ascii")
    tokens.write_text('[[token]]\nrole = "police"\nprovince = "44"\ntoken_file = "police.token"\n', "utf-8")
    with ExitStack() as cleanup:
        commands = []
        for port in ports:
            name = f"bare-{port}" if bare else f"door-{port}"
            command = Process(name, folder / name, STOPS_S)
            module = ["benchmarks.checks_bare", str(port)] if bare else ["stream.cli", "api", "--port", str(port)]
            around = stage.deployment.environment(CHAKONG_API_TOKENS=str(tokens))
            command.spawn([sys.executable, "-m", *module], around)
            cleanup.callback(command.stop)
            commands.append(command)
        for command, port in zip(commands, ports, strict=True):
            command.wait_until(lambda port=port: http_silence(port, "/v1/me"), STARTS_S)  # type: ignore[misc]
        yield commands, ports
