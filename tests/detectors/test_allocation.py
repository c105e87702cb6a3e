import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
{keep}
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    some = [np.ones((250, 1096)) for _ in range(8)]
    del some
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: str) -> int:
    """Pages that the system had to give to a process that makes the same arrays again and again."""
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives freed memory back at once")
def test_freed_memory_is_used_again() -> None:
    assert faults("import detectors") < faults("") / 2
