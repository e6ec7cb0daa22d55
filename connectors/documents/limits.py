"""What the two sides of the processes that look at documents agree on, and what each may take."""

from __future__ import annotations

import struct
from typing import Final

READY: Final = b"ready\n"
TRUST_STATUS: Final = 3
"""How a look ends when the trust store cannot be used; what it says in place of a verdict is why."""
LENGTH: Final = struct.Struct(">I")
"""Of the question, in JSON, before the document itself: folder of the trust store, court, now, processor seconds, bytes."""
ENDED: Final = struct.Struct(">i")
"""How a look ended, as ``os.waitpid`` tells it."""
FILES: Final = 2
"""What a message to the nursery carries: the question with its document, and where to answer."""
ANSWER_BYTES_MAX: Final = 1 << 14

BYTES_MAX: Final = 32 << 20
WALL_S_MAX: Final = 30.0
CPU_S_MAX: Final = 20
MEMORY_BYTES_MAX: Final = 1 << 30
"""Address space, of which Python and pyHanko take a part."""
DOCUMENTS_MAX: Final = 10_000
"""After so many a nursery is replaced, though no document ever touches it."""
PROCESSES: Final = 2
"""Documents looked at at once."""
