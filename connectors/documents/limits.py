"""What the two sides of a document's process agree on, and what it may take."""

from __future__ import annotations

from typing import Final

READY: Final = b"ready\n"
TRUST_STATUS: Final = 3
"""How it ends when the trust store cannot be used; standard error says why."""

BYTES_MAX: Final = 32 << 20
WALL_S_MAX: Final = 30.0
CPU_S_MAX: Final = 20
MEMORY_BYTES_MAX: Final = 1 << 30
"""Address space, of which Python and pyHanko take a part."""
