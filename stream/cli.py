"""The command line: one command a file in ``stream/commands``, imported when it is called."""

from __future__ import annotations

import importlib
import keyword
from typing import Final

import click

COMMANDS: Final = {
    "scan": "Judge files of sightings against orders, without a server.",
    "up": "Kafka and Redis on this machine, topics, worker, the intake, the courts' door.",
    "down": "Stop what up started.",
    "worker": "One Faust worker; run as many as you like.",
    "api": "The courts' door: they fetch their notifications and answer hits.",
    "issuer": "A small OpenID provider of sample users, for this machine alone.",
    "token": "An access token of a sample user, for the door that up opened.",
    "registry": "The police's side of the fast query: courts' questions, answered from registries.",
    "endpoints": "The courts' endpoints: which are healthy, since when the others fail, and how many hits wait.",
    "audit": "The audit log: verify it, prove, find and export records.",
    "confirm": "A court's answer to a hit, from the command line.",
    "incidents": "What is wrong between the platforms: list, show, open and resolve incidents.",
    "demo": "Synthetic police and courts stream through the engine; stops by itself.",
    "explain": "Why a sighting hits or does not, now or at a past instant: every key, order and rule.",
    "documents": "Sealed documents: check a court's seal, keep a document, fetch one by its digest.",
    "intake": "Takes orders from Kafka whose documents bear their court's seal; run as many as you like.",
    "import": "Orders in bulk, from a file and a folder of documents.",
    "place": "Place or amend an order whose documents bear its court's seal.",
    "order": "What is held of an order, and when it was in force, or released, everywhere.",
    "reachability": "Which courts' endpoints reach anybody, and the orders of those that do not.",
    "rules": "The provinces' own rules: what counts, what was, and whether an overlay only narrows.",
    "generate": "A synthetic world: orders, sightings and the truth.",
    "bench": "The benchmarks.",
    "lookback": "How far the search of past sightings for new orders is.",
    "rebuild": "Wipe the views in Redis and build them again from the log.",
}


class _Lazy(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"stream.commands.{name}"), name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chakong")
def main() -> None:
    """Chakong (查控): finds wanted persons and vehicles in police sightings as they are seen, and tells the court."""


if __name__ == "__main__":
    main()
