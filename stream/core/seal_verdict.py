"""The verdict on a sealed document, and why. Apart from its words, since the process that looks at a document needs no more."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import msgspec


class SealReason(StrEnum):
    """Why a document is taken as sealed by its court, or is not. Only ``SEALED`` is good."""

    SEALED = "sealed"
    NO_SEAL = "no_seal"
    NOT_WHOLE_FILE = "not_whole_file"
    ALTERED = "altered"
    UNTRUSTED = "untrusted"
    OTHER_COURT = "other_court"
    EXPIRED_AT_SIGNING = "expired_at_signing"
    SIGNING_TIME = "signing_time"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    WEAK_ALGORITHM = "weak_algorithm"
    UNSUPPORTED_SEAL = "unsupported_seal"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too_large"
    TOO_COSTLY = "too_costly"
    MISSING = "missing"
    DAMAGED = "damaged"


class Coverage(StrEnum):
    """How much of the file the last signature covers."""

    WHOLE_FILE = "whole_file"
    PART = "part"
    NONE = "none"


class SealVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``court`` and ``signed_at`` are what the last signature says; they are facts only if ``good``.

    ``court`` is the code in the signer's certificate, ``signed_at`` the time that the signer tells, aware, and
    ``signatures`` how many the file bears.
    """

    reason: SealReason
    court: str | None = None
    signed_at: dt.datetime | None = None
    coverage: Coverage = Coverage.NONE
    signatures: int = 0

    @property
    def good(self) -> bool:
        return self.reason is SealReason.SEALED
