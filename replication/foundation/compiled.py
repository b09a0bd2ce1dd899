"""numba, told to compile for one processor, so that a toy training ends in the same bits on every recent x86 machine.

How a compiler orders a sum depends on the processor it compiles for, and an adversarial game turns a last bit into
another outcome. Where AVX2 and FMA are to be had, code is made for the first processor that had both.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps

SOURCES = Path(__file__).parents[1]
PROCESSOR = "haswell"
FEATURES = ("sse2", "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt")


def fix_processor() -> bool:
    """Set numba's target before anything is compiled; False where this machine cannot run such code."""
    host = binding.get_host_cpu_features()
    if platform.machine().lower() not in ("x86_64", "amd64") or not all(host.get(name) for name in FEATURES):
        return False
    numba.config.CPU_NAME = PROCESSOR  # pyright: ignore[reportAttributeAccessIssue]
    numba.config.CPU_FEATURES = ",".join(f"+{name}" for name in FEATURES)  # pyright: ignore[reportAttributeAccessIssue]
    return True


def fix_cache(sources: Path = SOURCES) -> Path:
    """Where compiled code is kept: a folder for each state of the sources, as numba asks only after a function's own.

    What a function calls in another file is part of its machine code, and an edit there would go unseen.
    """
    written = [path.read_bytes() for path in sorted(sources.rglob("*.py"))]
    digest = hashlib.sha256(b"".join(text for text in written if b"njit" in text)).hexdigest()[:16]
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or sources.parent / ".replication" / "compiled") / digest
    numba.config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]
    return folder


class _Hashed(CompileResultCacheImpl):
    """Compiled code with its hash: a processor would run damaged code."""

    def reduce(self, cres: Any) -> tuple[str, bytes]:
        content = dumps(super().reduce(cres))
        return hashlib.sha256(content).hexdigest(), content

    def rebuild(self, target_context: Any, payload: tuple[str, bytes]) -> Any:
        digest, content = payload
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError("the compiled code is damaged")
        return super().rebuild(target_context, pickle.loads(content))


class _SoundCache(FunctionCache):
    """numba's files of one function, emptied where they are damaged, as a power cut leaves them: it compiles again."""

    _impl_class = _Hashed

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except OSError:  # the machine's
            raise
        except Exception:  # a damaged pickle raises nearly every error
            self.flush()
            return None


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit`, with a cache that survives damage where `cache` asks for one."""

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba.njit(**options)(function)
        if options.get("cache"):
            dispatcher._cache = _SoundCache(function)
        return dispatcher

    return compiled


FIXED, CACHE = fix_processor(), fix_cache()
