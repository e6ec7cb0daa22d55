"""Many sealed documents of one court, quickly: to seal a hundred thousand with pyHanko as a whole takes an hour."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from typing import Final

from asn1crypto import cms
from pyhanko.pdf_utils.reader import PdfFileReader

from synthetic.seals import Seal, pdf

WIDTH: Final = 64
"""Characters of the line in which the documents of a series differ."""
_DIGEST: Final = "sha256"


class Series:
    """Documents that differ in their last line, each sealed by the same court at the same time.

    pyHanko makes and seals the first. Each other one is its bytes with another line, sealed anew by pyHanko's CMS signer over
    every byte but the signature's own; of the attributes that are signed (RFC 5652, 11) only the digest is another.
    """

    def __init__(self, seal: Seal, lines: Sequence[str], at: dt.datetime) -> None:
        self._signer = seal.signer()
        self._first = seal.put_on(pdf([*lines, " " * WIDTH]), at, digest=_DIGEST)
        self._line = self._first.index(_written(""))
        signature = PdfFileReader(io.BytesIO(self._first)).embedded_signatures[0]
        _, self._before, self._after, _ = (int(number) for number in signature.byte_range)
        self._attributes = signature.signer_info["signed_attrs"].untag().dump()

    def document(self, line: str) -> bytes:
        """The document with this line, sealed.

        Raises ValueError: it is longer than ``WIDTH``, or has characters beyond Unicode's first plane.
        """
        written = _written(line)
        if len(written) != len(_written("")):
            raise ValueError("the line is not one of a series")
        made = bytearray(self._first)
        made[self._line : self._line + len(written)] = written
        digest = hashlib.new(_DIGEST, made[: self._before])
        digest.update(made[self._after :])
        value = self._signed(digest.digest()).hex().upper().encode()
        room = self._after - self._before - len(b"<>")
        if len(value) > room:
            raise AssertionError
        made[self._before + 1 : self._after - 1] = value.ljust(room, b"0")
        return bytes(made)

    def _signed(self, digest: bytes) -> bytes:
        attributes = cms.CMSAttributes.load(self._attributes)
        for one in attributes:
            if one["type"].native == "message_digest":
                one["values"] = (digest,)
        signed: cms.ContentInfo = asyncio.run(self._signer.async_sign_prescribed_attributes(_DIGEST, attributes))
        return bytes(signed.dump())


def _written(line: str) -> bytes:
    """A line as ``synthetic.seals.pdf`` writes it, as wide as every other."""
    return line.ljust(WIDTH).encode("utf-16-be").hex().encode()
