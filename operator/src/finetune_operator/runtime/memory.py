"""Keeps pauses and memory small while thousands of jobs are known. Called once, by `__main__`.

The collector's full pass visits every object: with a thousand jobs that is a pause of a tenth of a
second, in which no job is started. What was imported never becomes garbage, so it is set aside, and
full passes are made rarer; records are freed by their reference counts, not by the collector.
"""

import ctypes
import gc

_THRESHOLDS = (50_000, 20, 100)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_GIVE_BACK_BYTES = 128 * 1024


def tune_memory() -> None:
    """Set the collector and the allocator."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc; a burst's buffers go back instead of being kept
        mallopt(_M_TRIM_THRESHOLD, _GIVE_BACK_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _GIVE_BACK_BYTES)
