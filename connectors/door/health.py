"""How the engine is, for those who run or command it: numbers, workers and states. No person, court or case is in it."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import AwareDatetime, BaseModel, Field


class WorkerHealth(BaseModel):
    """A worker whose lease is live."""

    worker: str
    state: str = Field(description="starting, screening, or fenced")
    renewed_at: AwareDatetime
    behind: int | None = Field(description="records of `orders` that its filter does not hold yet; null: Kafka is away")


class IndexHealth(BaseModel):
    """The index in Redis."""

    positions: dict[int, int] = Field(description="partition of `orders` to the offset of the next record")
    behind: int | None = Field(description="records of `orders` that it does not hold yet; null: Kafka is away")


class HealthReport(BaseModel):
    """How the engine is. A part is null while what knows it is away."""

    at: AwareDatetime
    away: list[Literal["kafka", "redis"]]
    workers: list[WorkerHealth] | None
    index: IndexHealth | None = Field(description="null, too, while the index is lost or being wiped")
    ledger_whole: bool | None = Field(description="false: the ledger was lost, and the workers build it again")
    endpoints: dict[str, int] | None = Field(description="endpoints of courts whose circuit is not closed, by its state")


class Health(Protocol):
    """Knows how the engine is."""

    async def report(self) -> HealthReport: ...
