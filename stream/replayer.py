"""The process that replays one sighting for the door: ``python -m stream.replayer MEMORY_MB``.

The question comes on standard input; the answer, or why there is none, goes to standard output. Whatever else goes wrong ends
it with a status, and its standard error is nobody's: a stack trace may hold what was sent.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import resource
import sys
from typing import Any

import msgspec

from connectors.kafka.errors import KafkaError
from matchers.sighting import Sighting, read_sighting
from stream.core.explanation import past_object
from stream.local import settings_here
from stream.services.replay_process import Answer
from stream.services.replaying import Named, Replaying, SightingGoneError
from stream.services.rules import rules_now
from watchlists.policy import Policy


def main(memory_mb: str) -> None:
    limit = int(memory_mb) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = asyncio.run(_answered(json.loads(sys.stdin.buffer.read())))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


async def _answered(question: dict[str, Any]) -> Answer:
    settings = settings_here()
    policy = Policy.national().with_overlays(list(settings.overlays))
    at = question["at"]
    instant = dt.datetime.now(dt.UTC) if at is None else dt.datetime.fromisoformat(at)
    try:
        rules = await rules_now(settings.kafka, policy)
        past = await Replaying(settings.kafka, settings.redis, rules).past(_sighting(question), instant)
    except SightingGoneError:
        return Answer()
    except KafkaError as error:
        return Answer(away=str(error))
    return Answer(past=past_object(past))


def _sighting(question: dict[str, Any]) -> Sighting | Named:
    if "sighting" in question:
        return read_sighting(json.dumps(question["sighting"]).encode())
    return Named(question["station"], question["id"])


if __name__ == "__main__":
    main(*sys.argv[1:])
