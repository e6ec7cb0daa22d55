"""A proof that one record stands in the log, which anybody can check who has the public key and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pydantic import Field, ValidationError

from matchers.wire import Message, UnreadableError
from stream.core.audit.merkle import consistency_proof, includes, inclusion_proof, is_beginning, leaf_hash
from stream.core.audit.record import AuditRecord, read_record
from stream.core.audit.signing import Keys


class NoProofError(ValueError):
    """A record cannot be proved: it is not there, or no checkpoint covers it yet."""


class NotCoveredError(NoProofError):
    """The record is there, and no checkpoint covers it yet."""


class Proof(Message):
    """A record, the signed checkpoint that covers it, and the path between (RFC 9162). Texts are records as they are stored."""

    record: str
    checkpoint: str
    path: tuple[str, ...] = Field(description="SHA-256 hashes, hexadecimal, from the leaf up")
    earlier: str | None = Field(default=None, description="an earlier checkpoint of the same chain")
    consistency: tuple[str, ...] = Field(default=(), description="the path that proves it the beginning of the later one")


def prove(chain: Sequence[bytes], number: int, earlier: int | None = None) -> Proof:
    """The proof of the record of that number, under the first checkpoint that covers it.

    Args:
        chain: a writer's records, from its first on.
        earlier: the number of an earlier checkpoint, to be proved the beginning of that one.

    Raises:
        NoProofError: there is none. NotCoveredError: not yet.
    """
    checkpoints = [at for at, raw in enumerate(chain) if read_record(raw).checkpoint is not None]
    covers = next((at for at in checkpoints if at > max(number, earlier or 0)), None)
    if not 0 <= number < len(chain):
        raise NoProofError("there is no such record")
    if covers is None:
        raise NotCoveredError("no checkpoint covers this record yet")
    if earlier is not None and earlier not in checkpoints:
        raise NoProofError("there is no checkpoint of that number")
    leaves = [leaf_hash(raw) for raw in chain[:covers]]
    return Proof(
        record=chain[number].decode(),
        checkpoint=chain[covers].decode(),
        path=tuple(node.hex() for node in inclusion_proof(leaves, number)),
        earlier=None if earlier is None else chain[earlier].decode(),
        consistency=() if earlier is None else tuple(node.hex() for node in consistency_proof(leaves, earlier)),
    )


def refutation(proof: Proof, keys: Keys) -> str | None:
    """Why a proof does not hold; None where it does."""
    try:
        record, checkpoint = _signed(proof.record, keys), _signed(proof.checkpoint, keys)
        earlier = None if proof.earlier is None else _signed(proof.earlier, keys)
        path, consistency = ([bytes.fromhex(node) for node in nodes] for nodes in (proof.path, proof.consistency))
    except (UnreadableError, ValidationError, ValueError) as error:
        return error.args[0] if type(error) is ValueError else "it holds what is no audit record"
    if checkpoint.checkpoint is None or checkpoint.writer != record.writer:
        return "its checkpoint is none of the record's chain"
    root, size = bytes.fromhex(checkpoint.checkpoint.root), checkpoint.checkpoint.size
    if not includes(root, size, record.sequence, leaf_hash(proof.record.encode()), path):
        return "its path does not lead from the record to the checkpoint's root"
    if earlier is None:
        return None
    if earlier.checkpoint is None or earlier.writer != record.writer:
        return "its earlier checkpoint is none of the record's chain"
    if not is_beginning(bytes.fromhex(earlier.checkpoint.root), earlier.checkpoint.size, root, size, consistency):
        return "its earlier checkpoint is not the beginning of the later one"
    return None


def _signed(text: str, keys: Keys) -> AuditRecord:
    record = read_record(text.encode())
    if not keys.signed(text.encode(), msgspec.json.decode(text)):
        raise ValueError(f"the signature of {record.name} does not hold under the keys that were given")
    return record
