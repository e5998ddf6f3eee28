"""Peak memory of a pass at batch 256, in a process of its own: python -m benchmarks.memory ours|torch.nn PATTERNS."""

import sys
from pathlib import Path

import psutil
import torch

from .subjects import our_step, torch_step


def peak(which, updates):
    """MB by which the process's peak resident memory grows over `updates` steps of 256 patterns."""
    torch.set_num_threads(2)
    make = {"ours": our_step, "torch.nn": torch_step}[which]
    make(1)()  # libraries loaded, memory of their own taken
    before = high_water()
    step = make(256)
    for _ in range(updates):
        step()
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
