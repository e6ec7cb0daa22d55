"""The machine code of the hot path, compiled before anybody waits for it.

    python -m stream.machine_code

Compiling takes half a minute, once for each state of the sources; the code is kept (see ``matchers.native``).
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np

from connectors.kafka import gather
from matchers import native
from matchers.batch import SightingReader, Texts
from matchers.columns import hash_column
from matchers.keys import KeyHasher
from watchlists.bloom import KeyFilter

_COMPLETE: Final = native.CACHE / "complete"


def is_there() -> bool:
    """Whether it was compiled before, in this state of the sources."""
    return _COMPLETE.exists()


def prepare() -> None:
    """Load the machine code, compiled where it is not there yet: everything is called once, with nothing to do."""
    hasher = KeyHasher(b"")
    SightingReader(hasher).read(Texts.of([b""]))
    hash_column("vin", [""], hasher)
    KeyFilter(1).add_keys(np.empty(0, np.uint64))
    KeyFilter(1).contains(np.empty(0, np.uint64))
    gather.prepare()
    native.CACHE.mkdir(parents=True, exist_ok=True)
    _COMPLETE.touch()


def ensure() -> None:
    """Have it compiled, and say so where that is still to be done."""
    if not is_there():
        sys.stderr.write("compiling the hot path (once; half a minute)\n")
        prepare()


if __name__ == "__main__":
    ensure()
