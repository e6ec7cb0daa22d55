"""How the interpreter is tuned in the processes of a worker, and in the door's."""

from __future__ import annotations

import gc
import sys
from typing import Final

SWITCH_S: Final = 0.0005
"""How long one thread keeps the interpreter while another waits for it."""
GARBAGE_EVERY: Final = 200_000
"""Objects made and not freed before the collector looks for cycles. A batch of sightings is thousands of objects without any;
by Python's own 700 it was searched a dozen times, for two fifths of the screening thread's time."""


def settle() -> None:
    """Call it when everything is loaded: what is there stays, and need not be looked at again."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_EVERY, 10, 10)
