"""Keeps memory that was freed for the next array, instead of giving it back to the system each time.

A scan frees and wants arrays of some MB thousands of times. The C library of most Linux systems hands each back, and
the system clears its pages anew: a quarter of all the time.
"""

import ctypes
from contextlib import suppress

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # names of glibc's `malloc.h`
LARGEST_KEPT, MOST_KEPT = 32 << 20, 128 << 20


def keep_freed_memory() -> None:
    """For the whole process; with another C library nothing is done."""
    with suppress(OSError, AttributeError, TypeError):  # no such library, or none that knows this
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(TRIM_THRESHOLD, MOST_KEPT)
