"""Peak memory of steps on 256 patterns, or of estimates of h on 500, in a process of its own:

    python -m benchmarks.memory ours|torch.nn|h TIMES
"""

import sys
from pathlib import Path

import psutil
import torch

from .subjects import our_curvature, our_step, torch_step


def peak(which, times):
    """MB by which the process's peak resident memory grows while it is made and done so many times, on two threads."""
    torch.set_num_threads(2)
    torch_step(1)()  # libraries loaded, memory of their own taken
    before = high_water()
    make, count = {"ours": (our_step, 256), "torch.nn": (torch_step, 256), "h": (our_curvature, 500)}[which]
    work = make(count)
    for _ in range(times):
        work()
    return (high_water() - before) / 1e6


def high_water():
    """The process's peak resident memory so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; getrusage would hand on the peak of the process that started this one
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    memory = psutil.Process().memory_info()
    return getattr(memory, "peak_wset", memory.rss)


if __name__ == "__main__":
    print(peak(sys.argv[1], int(sys.argv[2])))
