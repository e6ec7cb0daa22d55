"""The trust store: whose certificates count as a court's seal, as files of one folder.

44.pem         the roots for the courts of province 44: certificates, PEM
440106.pem     the roots for that court, in place of its province's
tsa.pem        the roots for timestamps, if documents bear any; without it those of the court
crls/          revocation lists, one a file, DER or PEM

ValueError
└── TrustError    file, and what is wrong with it
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509

_COURT: Final = re.compile(r"[0-9A-Za-z]{2,32}")
_PROVINCE_DIGITS: Final = 2
_PEM: Final = b"-----BEGIN"


class TrustError(ValueError):
    """The trust store cannot be used."""


class Trust(NamedTuple):
    """What is trusted for one court. Without ``roots`` nothing is."""

    roots: Sequence[x509.Certificate]
    timestamp_roots: Sequence[x509.Certificate]
    crls: Sequence[x509.CertificateRevocationList]


class TrustStore:
    """The folder, read anew for each court asked for: a list that is replaced counts from the next document on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        """Read every file. Raises TrustError."""
        if not self.folder.is_dir():
            raise TrustError(f"{self.folder}: no such folder")
        for bundle in sorted(self.folder.glob("*.pem")):
            _certificates(bundle)
        self._crls()

    def of(self, court: str) -> Trust:
        """What is trusted for a court. Raises TrustError."""
        if not self.folder.is_dir():
            raise TrustError(f"{self.folder}: no such folder")
        roots = next((_certificates(bundle) for bundle in self._bundles(court) if bundle.exists()), ())
        authorities = self._authorities
        return Trust(roots, _certificates(authorities) if authorities.exists() else roots, self._crls())

    def state(self, court: str) -> bytes:
        """A digest of how the files stand that say what is trusted for a court: another one after any change of them.

        They are not read. Raises TrustError.
        """
        try:
            paths = [self.folder, *self._bundles(court), self._authorities, *self._lists()]
            found = [(str(path), path.stat()) for path in paths if path.exists()]
        except OSError as error:
            raise TrustError(f"{self.folder}: {error.strerror}") from None
        # The time of the inode's last change: that of the content can be set, and is where a file is copied with its times.
        told = [(path, status.st_ino, status.st_size, status.st_ctime_ns) for path, status in found]
        return hashlib.sha256(repr(told).encode()).digest()

    @property
    def _authorities(self) -> Path:
        return self.folder / "tsa.pem"

    def _bundles(self, court: str) -> Sequence[Path]:
        """Where the roots for a court are looked for: the first that is there has them."""
        if not _COURT.fullmatch(court):
            return ()
        return (self.folder / f"{court}.pem", self.folder / f"{court[:_PROVINCE_DIGITS]}.pem")

    def _crls(self) -> list[x509.CertificateRevocationList]:
        return [_crl(path) for path in self._lists()]

    def _lists(self) -> list[Path]:
        folder = self.folder / "crls"
        return [path for path in sorted(folder.iterdir()) if path.is_file()] if folder.is_dir() else []


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise TrustError(f"{path}: no certificates in PEM") from None


def _crl(path: Path) -> x509.CertificateRevocationList:
    try:
        raw = path.read_bytes()
        crl = x509.load_pem_x509_crl(raw) if raw.startswith(_PEM) else x509.load_der_x509_crl(raw)
        len(crl.extensions)  # they are read when they are asked for
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise TrustError(f"{path}: no revocation list") from None
    return crl
