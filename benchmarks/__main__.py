"""`make bench`: time this network beside the same one in torch.nn and write benchmarks/results.md."""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import torch

from lenet_helpers.data.digits import Digits
from lenet_helpers.model import LeNet5
from lenet_helpers.training.loop import fit

from .reference import TorchLeNet5
from .subjects import inference, our_curvature, our_step, torch_step
from .timing import Comparison, compare

RESULTS = Path(__file__).with_name("results.md")
C_LOOP = 0.24e-3  # seconds of a one-pattern step as plain loops in C, one core (another machine)
REPEAT = {1: 100, 16: 20, 64: 6, 256: 2, 500: 1, 10000: 1}


def steps():
    """Rows: one-pattern and mini-batch steps, at 1 and 2 threads."""
    for count, bars in ((1, (0.38, None)), (16, (None, 0.70)), (64, (None, 0.70)), (256, (None, 0.70))):
        for threads, bar in zip((1, 2), bars):
            torch.set_num_threads(threads)
            result = compare(our_step(count), torch_step(count), REPEAT[count])
            yield row(f"training step, {count} {plural(count)}, {threads} {plural(threads, 'thread')}", bar, result)


def forwards():
    """Rows: inference."""
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for count in (1, 64, 256, 10000):
            model = LeNet5()
            ours, theirs = inference(model, count), inference(TorchLeNet5().take(model), count)
            result = compare(ours, theirs, REPEAT[count], turns=15 if count < 10000 else 5)
            yield row(f"forward, {count:,} {plural(count)}, {threads} {plural(threads, 'thread')}", 0.90, result)


def whole_pass(count=20000):
    """Row: a pass of fit, one pattern an update, against the bare steps on as many patterns."""
    torch.set_num_threads(1)
    digits, step = noise_digits(count), our_step(1)

    def bare():
        for _ in range(count):
            step()

    def fitted():
        history = fit(LeNet5(), digits, passes=1, schedule=[1e-6], progress=True)
        return history.passes[0]["seconds"]

    result = compare(fitted, bare, 1, turns=5)
    return row(f"a pass of fit over {count:,}, h estimated included / bare steps", 1.10, result)


def curvature():
    """Rows: the estimate of h on 500 patterns."""
    torch.set_num_threads(2)
    yield row("h on 500 patterns / our mini-batch step on 500", 1.5, compare(our_curvature(500), our_step(500), 1))
    diagonal = backpack(500)
    if diagonal is None:
        yield "| h on 500 patterns / BackPACK's DiagGGNExact | <= 0.2 | BackPACK is not installed | | |"
    else:
        yield row("h on 500 patterns / BackPACK's DiagGGNExact", 0.2, compare(our_curvature(500), diagonal, 1, turns=3))


def backpack(count):
    """BackPACK's exact Gauss-Newton diagonal of the torch.nn network, or None where it is not installed."""
    try:
        from .diagonal import exact_diagonal
    except ImportError:
        return None
    return exact_diagonal(count)


def memory(updates=20):
    """Row: how far a pass at batch 256 drives up the process's memory."""
    measured = [
        float(subprocess.run([sys.executable, "-m", "benchmarks.memory", which, str(updates)],
                             capture_output=True, text=True, check=True).stdout)
        for which in ("ours", "torch.nn")
    ]  # fmt: skip
    ours, theirs = measured
    what = "growth of peak memory over a pass at batch 256"
    return f"| {what} | <= 1.00 | **{ours / theirs:.2f}** | {ours:.0f} MB | {theirs:.0f} MB |"


def linear(turns=3):
    """Row: seconds a pattern of passes over 15,000, 30,000 and 60,000 patterns.

    In a turn each size gets 60,000 patterns, four, two and one passes in between each other; sizes are compared within
    a turn, so that a slow minute of the machine is not taken for a long pass.
    """
    torch.set_num_threads(1)
    sizes, shares = (15000, 30000, 60000), ([], [], [])
    every = noise_digits(max(sizes))
    for _ in range(turns):
        seconds = [0.0] * len(sizes)
        for quarter in range(4):
            for index, size in enumerate(sizes):
                if quarter % (size // min(sizes)) == 0:
                    history = fit(LeNet5(), every.subset(slice(0, size)), passes=1, schedule=[1e-6], progress=False)
                    seconds[index] += history.passes[0]["seconds"]
        for kept, value in zip(shares, seconds):
            kept.append((value / max(sizes), value / seconds[-1]))
    apart = max(abs(statistics.median(ratio for _, ratio in kept) - 1) for kept in shares)
    shown = ", ".join(f"{1e3 * statistics.median(each for each, _ in kept):.3f}" for kept in shares)
    return f"| ms a pattern over 15,000, 30,000, 60,000 | within 5% | **{100 * apart:.1f}%** | {shown} | |"


def throughput():
    """Lines: how far a step is from a plain C loop, and from the matrix products of this machine."""
    torch.set_num_threads(1)
    a, b, out = torch.rand(512, 512), torch.rand(512, 512), torch.empty(512, 512)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    rate = 512**3 / statistics.median(seconds)
    step = compare(our_step(1), our_step(1), 100).seconds[0]
    work = multiply_adds()
    return (
        f"A one-pattern step takes {1e3 * step:.3f} ms on one thread: {step / C_LOOP:.2f} times the "
        f"{1e3 * C_LOOP:.2f} ms of plain loops in C (measured on another machine). Its {work / 1e6:.2f} million "
        f"multiply-adds would take {1e3 * work / rate:.3f} ms at the rate of a 512 x 512 matrix product in this run "
        f"({rate / 1e9:.1f} billion a second): {step * rate / work:.1f} times that."
    )


def multiply_adds():
    """Of a step: forward and weight derivatives of every layer, and derivatives of the states of all but C1."""
    counts = {name: connections for name, (_, connections) in LeNet5().counts().items()}
    return 3 * sum(counts.values()) - counts["c1"]


def cuda():
    """Line: absolute times on a GPU, where there is one; without CUDA graphs."""
    if not torch.cuda.is_available():
        return "CUDA: not measured (no GPU at hand)."
    times = []
    for count in (1, 64, 256):
        step = our_step(count, "cuda")

        def timed(step=step):
            step()
            torch.cuda.synchronize()

        times.append(f"{1e3 * compare(timed, timed, 20).seconds[0]:.3f} ms ({count} {plural(count)})")
    return f"{torch.cuda.get_device_name()}: a training step takes {', '.join(times)}."


def noise_digits(count):
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=generator)
    return Digits(images, torch.randint(0, 10, (count,), generator=generator), "noise")


def row(what, bar, result: Comparison):
    low, high = result.spread
    first, second = (f"{1e3 * seconds:.3f}" for seconds in result.seconds)
    shown = "" if bar is None else f"<= {bar:.2f}"
    line = f"| {what} | {shown} | **{result.ratio:.2f}** ({low:.2f} to {high:.2f}) | {first} | {second} |"
    print(line, flush=True)
    return line


def plural(count, noun="pattern"):
    return noun if count == 1 else noun + "s"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write (default: benchmarks/results.md)")
    parser.add_argument("--quick", action="store_true", help="leave out the passes over 15,000 to 60,000 patterns")
    arguments = parser.parse_args()
    lines = [*steps(), *forwards(), whole_pass(), *curvature(), memory()]
    if not arguments.quick:
        lines.append(linear())
    table = "\n".join(lines)
    machine = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores"
    arguments.out.write_text(
        "# Speed beside torch.nn\n\n"
        "`make bench` wrote this. Ratios are ours / theirs, lower is better: medians of turns interleaved in one "
        "process, quartiles in brackets; times in ms. Theirs is the same network with Conv2d under Table I's mask, "
        "AvgPool2d, Linear, autograd and torch.optim.SGD (`benchmarks/reference.py`).\n\n"
        f"{date.today()}, {platform.system()} {machine}, Python {platform.python_version()}, "
        f"torch {torch.__version__}.\n\n"
        "| what | bar | ratio | ours | theirs |\n|---|---|---|---|---|\n"
        f"{table}\n\n{throughput()}\n\n{cuda()}\n",
        encoding="utf-8",
    )
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
