"""The machine code of the hot path, compiled before anybody waits for it.

    python -m stream.machine_code

Compiling takes half a minute, once for each state of the sources; the code is kept (see ``matchers.native``). One process at a
time compiles: of two that wrote code of one function at once, numba would keep the one's under the other's name.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Final

import numpy as np
from llvmlite import binding

from connectors.kafka import gather
from deploy.local.lock import locked
from matchers import native
from matchers.batch import SightingReader, Texts
from matchers.columns import hash_column
from matchers.keys import KeyHasher
from watchlists import bloom
from watchlists.bloom import KeyFilter

COMPILING_S_MAX: Final = 600.0
_BESIDE: Final = (gather.__file__, bloom.__file__)
"""Where functions are compiled whose sources ``native.CACHE`` does not tell apart; numba looks after each by its own file."""


def _complete() -> Path:
    """The mark of all code's being there: for these sources, and this kind of processor."""
    digest = hashlib.blake2b(binding.get_host_cpu_name().encode(), digest_size=8)
    for source in _BESIDE:
        digest.update(Path(source).read_bytes())
    return native.CACHE / f"complete-{digest.hexdigest()}"


_COMPLETE: Final = _complete()


def is_there() -> bool:
    """Whether it was compiled before, in this state of the sources."""
    return _COMPLETE.exists()


def prepare() -> None:
    """Load the machine code, compiled where it is not there yet. Raises BusyError: another process compiles for ever."""
    if is_there():
        _call_all()
    else:
        with locked(native.CACHE / "lock", COMPILING_S_MAX):
            _call_all()
            _COMPLETE.touch()


def _call_all() -> None:
    """Call everything once, with nothing to do."""
    hasher = KeyHasher(b"")
    SightingReader(hasher).read(Texts.of([b""]))
    hash_column("vin", [""], hasher)
    KeyFilter(1).add_keys(np.empty(0, np.uint64))
    KeyFilter(1).contains(np.empty(0, np.uint64))
    gather.prepare()


def ensure() -> None:
    """Have it compiled, and say so where that is still to be done."""
    if not is_there():
        sys.stderr.write("compiling the hot path (once; half a minute)\n")
        prepare()


if __name__ == "__main__":
    ensure()
