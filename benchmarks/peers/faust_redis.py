"""A stock Faust agent that asks Redis about each sighting: one MGET of its keys."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.look import Run
from benchmarks.peers.stock_faust import connect, end, execute, look_up, make_app, topics
from benchmarks.peers.task import Task, read_task


def main(task: Task) -> None:
    """Run the agent until the last record."""
    run = Run(task)
    app = make_app(run)
    sightings, hits = topics(app, run)
    client = connect(run)

    @app.agent(sightings)
    async def look(stream: Any) -> None:
        async for raw in stream:
            run.begins()
            if (keys := run.keys_of(raw)) and (found := await look_up(run, client, keys)):
                for hit in run.judge.hits(raw, found):
                    await hits.send(value=hit)
            if run.is_over:
                await end(app, run)

    execute(app)


if __name__ == "__main__":
    main(read_task())
