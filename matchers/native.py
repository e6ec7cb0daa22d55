"""Functions that are compiled to machine code when they are first called, and kept compiled on disk from then on.

They run without the interpreter's lock, so that a thread which screens leaves the interpreter to the others. They take
arrays and numbers only. Whole-number constants of 64 bits are written ``np.uint64(...)``: beside a signed one the compiler
would make both floats.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite import ir
from numba import extending
from numba.core import types
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
WORD_BYTES: Final = 8
_SOURCES: Final = Path(__file__).parent


def _cache_folder() -> Path:
    """Where machine code is kept: for this state of the sources. Numba itself compares only the file of an entry point, and
    would go on with what was compiled of the files that it calls before they changed.
    """
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    folder = _SOURCES / "__pycache__"
    if not os.access(folder if folder.is_dir() else _SOURCES, os.W_OK):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chakong"
    return folder / f"native-{digest.hexdigest()}"


intrinsic: Final[Callable[[Callable[..., Any]], Callable[..., Any]]] = cast(Any, extending.intrinsic)
"""Marks a function that writes the instructions of another by itself: `numba.extending.intrinsic`, typed."""
_config: Final[Any] = numba.config
CACHE: Final = Path(_config.CACHE_DIR or _cache_folder())
"""Where the machine code of this state of the sources is."""
_config.CACHE_DIR = str(CACHE)


def compiled(function: Function) -> Function:
    """Marks a function of the hot path."""
    return cast(Function, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def shared(function: Function) -> Function:
    """Marks a function that those of the hot path call where it is."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Marks a small function that is compiled into each that calls it."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy", forceinline=True)(function))


@intrinsic
def _load_word(_context: Any, array: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer())
        word = builder.load(place)
        word.align = 1
        return word

    return types.uint64(array, types.intp), generate


@intrinsic
def _load_byte(_context: Any, array: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.zext(builder.load(builder.gep(data, [arguments[1]])), ir.IntType(64))

    return types.intp(array, types.intp), generate


@intrinsic
def _trailing_zeros(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@inlined
def word_at(text: NDArray[Any], at: int) -> Any:
    """Eight bytes from ``at`` on as a little-endian uint64. The text must have them."""
    return _load_word(text, at)


@inlined
def byte_at(text: NDArray[Any], at: int) -> Any:
    """The byte at ``at``; unlike an index, it must not be negative."""
    return _load_byte(text, at)


@inlined
def first_marked(marks: Any) -> Any:
    """The lowest byte, 0 to 7, whose highest bit is on; ``marks`` must have one."""
    return types.intp(_trailing_zeros(marks)) >> 3
