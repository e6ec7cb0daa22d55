"""Settings of sealed documents, from the environment (``CHAKONG_DOCUMENTS_…``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.documents.cipher import Cipher
from connectors.documents.limits import BYTES_MAX, WALL_S_MAX
from connectors.documents.store import DirectoryDocuments
from connectors.documents.verifier import PdfSealVerifier


class DocumentsSettings(BaseSettings):
    """Where documents are kept, under which key, and whose seals are trusted. Nothing is trusted unless said."""

    model_config = SettingsConfigDict(env_prefix="CHAKONG_DOCUMENTS_", frozen=True, extra="ignore")

    folder: Path | None = Field(default=None, description="folder of the encrypted documents")
    key_file: Path | None = Field(default=None, description="file with their key, 64 hexadecimal digits")
    trust: Path | None = Field(default=None, description="folder of the trusted roots and revocation lists")
    bytes_max: int = Field(default=BYTES_MAX, ge=1024, description="a document larger than this is refused")
    check_s_max: float = Field(default=WALL_S_MAX, gt=0, description="longest check of one document, in seconds")

    def store(self) -> DirectoryDocuments:
        """Raises ValueError: not configured, or the key cannot be used. Raises OSError."""
        if self.folder is None or self.key_file is None:
            raise ValueError("CHAKONG_DOCUMENTS_FOLDER and CHAKONG_DOCUMENTS_KEY_FILE say where documents are kept")
        return DirectoryDocuments(self.folder, Cipher.from_file(self.key_file))

    def verifier(self) -> PdfSealVerifier:
        """Raises ValueError: not configured, or the trust store cannot be used."""
        if self.trust is None:
            raise ValueError("CHAKONG_DOCUMENTS_TRUST says whose seals are trusted; without it none is")
        return PdfSealVerifier(self.trust, bytes_max=self.bytes_max, wall_s_max=self.check_s_max)
