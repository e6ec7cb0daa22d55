"""Redis as a local process."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.addresses import Report
from deploy.local.ports import LOOPBACK
from deploy.local.probe import redis_silence, wait_for
from deploy.local.process import Process
from deploy.local.tools import REDIS, provide

START_BOUND_S = 60.0
#: A process that runs but is silent (it loads its dump, or hangs) gets this long before it is replaced.
SILENT_BOUND_S = 10.0

#: No eviction: an index that forgets in silence would answer "no match". No append-only file: Kafka is the truth and
#: Redis a view of it. One dump at a clean stop, so that a developer's next `up` need not rebuild the view.
#: Hashes with values of up to 1 kB stay compact, as the index needs them: see connectors/redis/buckets.py.
OPTIONS = ("--maxmemory-policy", "noeviction", "--hash-max-listpack-value", "1024", "--appendonly", "no", "--save", "86400 1")


@dataclass(frozen=True)
class RedisProcess:
    """Redis from the system's package, on the loopback interface only, with its data in `folder`."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def process(self) -> Process:
        return Process("Redis", self.folder, stop_s=15.0)

    def start(self, report: Report) -> None:
        if self.runs():
            self.process.resume()
            if wait_for(lambda: redis_silence(self.url), SILENT_BOUND_S) is None:
                return
            self.process.stop()
        (program,) = provide((REDIS,), report)
        report(f"Starting Redis on {LOOPBACK}:{self.port}")
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        where = ("--bind", LOOPBACK, "--port", str(self.port), "--dir", str(data), "--daemonize", "no")
        self.process.spawn([program, *where, *OPTIONS])
        self.process.wait_until(lambda: redis_silence(self.url, 1.0), START_BOUND_S)

    def stop(self) -> bool:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def runs(self) -> bool:
        return self.process.pid() is not None

    def answers(self) -> bool:
        return self.runs() and redis_silence(self.url) is None
