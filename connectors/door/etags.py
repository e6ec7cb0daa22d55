"""Versions as entity tags (RFC 9110, 8.8.3 and 13.1): what is held of a thing is named by its version in quotes."""

from __future__ import annotations

import re
from typing import Final

ANYTHING: Final = "*"
_TAGS: Final = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')
_TAG: Final = re.compile(r'(?:W/)?"[^"]*"')


def etag(version: int) -> str:
    """The tag of a version."""
    return f'"{version}"'


def names(header: str, version: int) -> bool:
    """Whether ``If-Match`` names the version. ``*`` names none: who changes a thing says what they saw of it."""
    return _TAGS.fullmatch(header) is not None and etag(version) in _TAG.findall(header)
