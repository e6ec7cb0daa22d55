"""A record of the audit log, as it stands on the topic ``audit`` (article S5.2), keyed by its writer.

Each process that writes is a writer for its life, with a chain of its own: records are numbered from 0, each holds the SHA-256
of the one before, as stored, and each is signed. So nobody without the key makes, changes or renumbers a record, and several
processes never share a chain.

    RuntimeError
    └── AuditUnavailableError    a record may not be durable: what it is about must not be done
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol

from pydantic import Field, model_validator

from matchers.wire import Message, Timestamp, read_object

TEXT_MAX: Final = 256
"""Characters that are kept of a text that a caller chose."""

Kind = Literal["begun", "operation", "checkpoint"]
Outcome = Literal["begun", "done", "refused", "failed"]


class AuditUnavailableError(RuntimeError):
    """The audit log cannot be written: the operation is refused."""


class Who(Message):
    """Who acts. ``id`` is null for somebody who has shown no valid credential."""

    kind: Literal["court", "person", "machine", "stranger", "operator", "service"]
    id: str | None = Field(
        default=None, description="of a court's system its court's code, of a person the issuer's name for them"
    )
    role: str | None = Field(default=None, description="the roles that were shown, as the permission matrix has them")
    credential: str | None = Field(default=None, description="which credential was shown, by its entry's name; never itself")
    on_behalf_of: str | None = Field(default=None, description="the person for whom, as the caller says")


class What(Message):
    """The thing that an operation is about."""

    kind: str
    id: str


class Entry(Message):
    """One operation, as far as it has come. One that changes something has two: ``begun`` before it is done, and its end."""

    who: Who
    operation: str = Field(description="the operation's name; none: there is no such operation")
    object: What | None = None
    purpose: str | None = Field(default=None, description="why, where the caller says so")
    outcome: Outcome
    status: int | None = Field(default=None, description="the HTTP status of the answer")
    detail: str | None = Field(default=None, description="how much was read, or why it was refused")
    address: str | None = Field(default=None, description="the network address that the request came from")
    user_agent: str | None = None
    request_id: str


class Head(Message):
    """How far a chain was: its record ``sequence`` had this SHA-256."""

    writer: str
    sequence: int = Field(ge=0)
    sha256: str


class Begun(Message):
    """The first record of a chain: which service began it, how often it makes checkpoints, and what others had written."""

    service: str
    host: str
    process: int
    checkpoint_records: int = Field(ge=1, description="records from one checkpoint to the next, at most")
    seen: tuple[Head, ...] = Field(default=(), description="the last record of each partition at that moment")


class Checkpoint(Message):
    """The Merkle root (RFC 9162) over all records of the chain before this one. A leaf is a record as it is stored."""

    size: int = Field(ge=1, description="how many records the tree has; this record's sequence")
    root: str = Field(description="SHA-256, hexadecimal")


class AuditRecord(Message):
    """One record: canonical JSON (RFC 8785), signed with Ed25519 over the same without ``signature``."""

    writer: str
    sequence: int = Field(ge=0)
    previous: str | None = Field(description="SHA-256 of the record before, as stored; null for the first")
    at: Timestamp
    kind: Kind
    begun: Begun | None = None
    operation: Entry | None = None
    checkpoint: Checkpoint | None = None
    key: str = Field(description="which key signed: the first 16 digits of the SHA-256 of the public key's 32 bytes")
    signature: str = Field(description="Ed25519, hexadecimal")

    @model_validator(mode="after")
    def _holds_what_its_kind_says(self) -> AuditRecord:
        held = {"begun": self.begun, "operation": self.operation, "checkpoint": self.checkpoint}
        if [kind for kind, part in held.items() if part is not None] != [self.kind]:
            raise ValueError("a record holds the part that its kind names, and no other")
        if (self.sequence == 0) != (self.previous is None) or (self.sequence == 0) != (self.kind == "begun"):
            raise ValueError("the first record of a chain, and no other, links to nothing and says who began it")
        if self.checkpoint is not None and self.checkpoint.size != self.sequence:
            raise ValueError("a checkpoint covers all records before it")
        return self

    @property
    def name(self) -> str:
        """What names it: its writer and its number."""
        return f"{self.writer}/{self.sequence}"


class Audit(Protocol):
    """Where operations are put on record."""

    async def write(self, entry: Entry) -> None:
        """Return once the entry is durable.

        Raises:
            AuditUnavailableError: it may not be.
        """


def read_record(raw: bytes) -> AuditRecord:
    """A record from the topic.

    Raises:
        UnreadableError: it is no JSON object.
        pydantic.ValidationError: it is no audit record.
    """
    fields: dict[str, Any] = read_object(raw)
    return AuditRecord.model_validate(fields)
