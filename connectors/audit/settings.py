"""Settings of the audit log, from the environment (``CHAKONG_AUDIT_…``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.audit.keys import AuditKeyError, read_private_key, read_public_key
from stream.core.audit.chain import Intervals
from stream.core.audit.signing import Keys, Signer


class AuditSettings(BaseSettings):
    """What a process needs that writes to the audit log."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_AUDIT_", frozen=True, extra="ignore")

    key_file: Path | None = Field(default=None, description="Ed25519 private key, PEM (PKCS #8), that this user alone can read")
    write_s_max: float = Field(default=5.0, gt=0, le=60, description="an operation that is not on record by then is refused")
    checkpoint_records: int = Field(default=1000, ge=2, description="records from one checkpoint to the next, at most")
    old_keys: tuple[Path, ...] = Field(default=(), description="public keys of earlier years, PEM, a JSON list of files")
    checkpoint_s: float = Field(default=60.0, gt=0, description="seconds from a record to a checkpoint over it, at most")

    def signer(self) -> Signer:
        """What signs the records.

        Raises:
            AuditKeyError: there is no key, or it cannot be used.
        """
        if self.key_file is None:
            raise AuditKeyError("CHAKONG_AUDIT_KEY_FILE is not set: without a key nothing can be put on the audit record")
        return Signer(read_private_key(self.key_file))

    def keys(self) -> Keys:
        """What records may be signed with: this key and the earlier ones.

        Raises:
            AuditKeyError: there is no key, or one cannot be used.
        """
        return Keys([self.signer().public_key(), *map(read_public_key, self.old_keys)])

    def intervals(self) -> Intervals:
        return Intervals(self.checkpoint_records, self.checkpoint_s)
