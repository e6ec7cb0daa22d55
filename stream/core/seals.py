"""What is said of a sealed document: is it as its court sealed it, and if not, why not (S3.1, S3.3, S4.3).

No I/O and no cryptography: whoever checks documents says it in these words. A verdict names courts and times, never
anything of what the document says.

    RuntimeError
    └── DocumentError                 what is wrong with which digest
        ├── MissingDocumentError      it is not there
        ├── DamagedDocumentError      what is there is not it
        └── UnreadableDocumentError   it is there, under another key
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from stream.core.hit import Says
from stream.core.seal_verdict import SealReason, SealVerdict


class DocumentError(RuntimeError):
    """A document cannot be had from the store."""


class MissingDocumentError(DocumentError):
    """No document with this digest was ever added, or it was removed."""


class DamagedDocumentError(DocumentError):
    """What the store holds under this digest is not the document."""


class UnreadableDocumentError(DocumentError):
    """The document was locked with another key than the store has."""


SEAL_WORDS: Final[Mapping[SealReason, Says]] = {
    SealReason.SEALED: Says(zh="电子印章有效", en="sealed by this court, and unaltered since"),
    SealReason.NO_SEAL: Says(zh="文书没有电子印章", en="it bears no electronic seal"),
    SealReason.NOT_WHOLE_FILE: Says(
        zh="该法院的印章未覆盖整个文件，或盖章后又添加了内容",
        en="the court's seal does not cover the whole file: something came after it, or lies beside it",
    ),
    SealReason.ALTERED: Says(zh="盖章后文书被改动", en="it was altered after it was sealed"),
    SealReason.UNTRUSTED: Says(
        zh="印章证书不是该法院的信任根所签发",
        en="the seal's certificate comes from no authority that is trusted for this court",
    ),
    SealReason.OTHER_COURT: Says(zh="印章属于其他单位，不是该法院的", en="the seal is not this court's own"),
    SealReason.EXPIRED_AT_SIGNING: Says(
        zh="盖章时证书不在有效期内", en="the seal's certificate was not valid at the time of sealing"
    ),
    SealReason.SIGNING_TIME: Says(
        zh="印章没有盖章时间，或盖章时间晚于现在", en="the seal names no time of sealing, or one that lies ahead"
    ),
    SealReason.REVOKED: Says(zh="印章证书已被吊销", en="the seal's certificate has been revoked"),
    SealReason.REVOCATION_UNKNOWN: Says(
        zh="没有有效的吊销列表，无法确认印章证书未被吊销",
        en="no current revocation list of the certificate's issuer is at hand",
    ),
    SealReason.WEAK_ALGORITHM: Says(
        zh="印章使用了不安全的算法或过短的密钥", en="the seal rests on an algorithm or a key that is too weak"
    ),
    SealReason.UNSUPPORTED_SEAL: Says(
        zh="文书含有本系统不能验证的印章或签名", en="it bears a seal or signature of a kind that cannot be checked here"
    ),
    SealReason.UNREADABLE: Says(zh="文件不是完整的PDF文书", en="it is no whole PDF file"),
    SealReason.ENCRYPTED: Says(zh="文件已加密", en="the file is encrypted"),
    SealReason.TOO_LARGE: Says(zh="文件过大", en="the file is too large"),
    SealReason.TOO_COSTLY: Says(zh="验证超出时间或内存限制", en="checking it took more time or memory than is allowed"),
    SealReason.MISSING: Says(zh="没有收到该摘要对应的文书", en="no document with this digest is at hand"),
    SealReason.DAMAGED: Says(zh="保存的文书已损坏", en="the document that is kept under this digest is damaged"),
}


class SealVerifier(Protocol):
    """Checks documents of one kind of seal."""

    def verify(self, data: bytes, court: str) -> SealVerdict:
        """Whether ``data`` is a document as that court sealed it. For whatever bytes it is given it answers, within
        its limits of time and memory; it raises only where its own configuration cannot be used."""


class DocumentStore(Protocol):
    """Documents by their SHA-256 in lower-case hexadecimal. What goes in is never changed or replaced."""

    def add(self, data: bytes) -> str:
        """Keep a document, durably, and return its digest. One that is there already is left as it is.

        Raises UnreadableDocumentError: it is there under another key.
        """

    def get(self, digest: str) -> bytes:
        """The document, its digest verified. Raises DocumentError."""
