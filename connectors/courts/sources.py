"""Where a secret comes from: the environment, or a file beside the one that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def from_environment(name: str, field: str, environ: Mapping[str, str]) -> str:
    """The secret in a variable; ``field`` is what an error calls it. Raises ValueError: it is not set."""
    if not environ.get(name):
        raise ValueError(f"{field}: {name} is not set")
    return environ[name].strip()


def from_file(path: Path, folder: Path, field: str) -> str:
    """The secret in a file; a relative path starts at ``folder``. Raises ValueError: it cannot be read."""
    try:
        return (folder / path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "not UTF-8"
        raise ValueError(f"{field}: {path}: {said}") from None
