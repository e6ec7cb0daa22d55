"""A stock Faust agent with pybloom-live's filter in front: Redis is asked only about keys that the filter takes for a maybe."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.look import Run
from benchmarks.peers.stock_faust import connect, end, execute, look_up, make_app, make_filter, topics
from benchmarks.peers.task import Task, read_task


def main(task: Task) -> None:
    """Run the agent until the last record."""
    run = Run(task)
    app = make_app(run)
    sightings, hits = topics(app, run)
    client, bloom = connect(run), make_filter(run)

    @app.agent(sightings)
    async def look(stream: Any) -> None:
        async for raw in stream:
            run.begins()
            maybes = [key for key in run.keys_of(raw) if f"{key[0]}:{key[1]}" in bloom]
            if maybes and (found := await look_up(run, client, maybes)):
                for hit in run.judge.hits(raw, found):
                    await hits.send(value=hit)
            if run.is_over:
                await end(app, run)

    execute(app)


if __name__ == "__main__":
    main(read_task())
