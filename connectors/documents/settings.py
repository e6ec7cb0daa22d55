"""Settings of sealed documents, from the environment (``CHAKONG_DOCUMENTS_…``)."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.courts.addresses import is_loopback
from connectors.courts.settings import secret_of
from connectors.documents.cipher import Cipher
from connectors.documents.limits import BYTES_MAX, PROCESSES, WALL_S_MAX
from connectors.documents.s3 import S3Documents
from connectors.documents.store import DirectoryDocuments
from connectors.documents.verifier import PdfSealVerifier
from stream.core.seals import DocumentStore


class DocumentsSettings(BaseSettings):
    """Where documents are kept, under which key, and whose seals are trusted. Nothing is trusted unless said."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_DOCUMENTS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    folder: Path | None = Field(default=None, description="folder of the encrypted documents; this or a bucket")
    s3_bucket: str | None = Field(default=None, min_length=3, description="bucket of the encrypted documents")
    s3_endpoint: str | None = Field(default=None, description="where it is, https, or http to loopback; Amazon's otherwise")
    s3_region: str = Field(default="us-east-1", description="its region")
    s3_prefix: str = Field(default="", description="put before the name of every object")
    s3_key_id: SecretStr | None = Field(default=None, description="access key id; required with a bucket")
    s3_secret: SecretStr | None = Field(default=None, description="the secret access key itself")
    s3_secret_file: Path | None = Field(default=None, description="file with it; this or the last is required with a bucket")
    key_file: Path | None = Field(default=None, description="file with their key, 64 hexadecimal digits")
    trust: Path | None = Field(default=None, description="folder of the trusted roots and revocation lists")
    bytes_max: int = Field(default=BYTES_MAX, ge=1024, description="a document larger than this is refused")
    check_s_max: float = Field(default=WALL_S_MAX, gt=0, description="longest check of one document, in seconds")
    processes: int = Field(default=PROCESSES, ge=1, le=64, description="documents that are checked at once")

    @model_validator(mode="after")
    def _keeps_them_in_one_place(self) -> Self:
        if self.s3_bucket is None:
            return self
        if self.folder is not None:
            raise ValueError("CHAKONG_DOCUMENTS_FOLDER or CHAKONG_DOCUMENTS_S3_BUCKET: documents are kept in one place")
        if self.s3_key_id is None or (self.s3_secret is None) == (self.s3_secret_file is None):
            raise ValueError("CHAKONG_DOCUMENTS_S3_BUCKET needs CHAKONG_DOCUMENTS_S3_KEY_ID and one of ..._S3_SECRET(_FILE)")
        place = urlsplit(self.s3_endpoint or "https://")
        if place.scheme != "https" and not (place.scheme == "http" and is_loopback(place.hostname or "")):
            raise ValueError("CHAKONG_DOCUMENTS_S3_ENDPOINT: https, or http to loopback")
        return self

    @property
    def are_kept(self) -> bool:
        """Whether it is said where documents are kept."""
        return self.folder is not None or self.s3_bucket is not None

    def store(self) -> DocumentStore:
        """Raises ValueError: not configured, or a key cannot be used. Raises OSError."""
        if self.key_file is None or not self.are_kept:
            raise ValueError(
                "CHAKONG_DOCUMENTS_FOLDER (or CHAKONG_DOCUMENTS_S3_BUCKET) and CHAKONG_DOCUMENTS_KEY_FILE say where documents"
                " are kept"
            )
        cipher = Cipher.from_file(self.key_file)
        if self.folder is not None:
            return DirectoryDocuments(self.folder, cipher)
        if self.s3_bucket is None or self.s3_key_id is None:  # the validator and are_kept refuse it
            raise AssertionError
        return S3Documents(
            self.s3_bucket,
            cipher,
            region=self.s3_region,
            endpoint=self.s3_endpoint,
            prefix=self.s3_prefix,
            key_id=self.s3_key_id.get_secret_value(),
            secret=secret_of("CHAKONG_DOCUMENTS_S3_SECRET_FILE", self.s3_secret, self.s3_secret_file) or "",
        )

    def verifier(self) -> PdfSealVerifier:
        """Raises ValueError: not configured, or the trust store cannot be used."""
        if self.trust is None:
            raise ValueError("CHAKONG_DOCUMENTS_TRUST says whose seals are trusted; without it none is")
        return PdfSealVerifier(self.trust, bytes_max=self.bytes_max, wall_s_max=self.check_s_max, processes=self.processes)
