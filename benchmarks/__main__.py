"""`make bench`: time the network beside an earlier version, torch.nn, torch.compile and plain C; write results.md."""

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

from lenet_helpers import Digits, LeNet5, fit

from .before import COMMIT, Before
from .plain_c import FLAGS, compiled
from .reference import TorchLeNet5
from .subjects import compiled_step, inference, our_curvature, our_step, plain_c_step, torch_step
from .timing import Comparison, compare

RESULTS = Path(__file__).with_name("results.md")
REPEAT = {1: 100, 16: 20, 64: 6, 256: 2, 500: 1, 10000: 1}
THREADS = (1, 2)
# Two threads that begin on one core may stay there and take turns; `make bench` binds each to a core of its own.
BOUND = "bound to cores" if os.environ.get("OMP_PROC_BIND", "false") != "false" else "not bound to cores"


def steps(before):
    """Rows: training steps, beside the earlier version and beside torch.nn."""
    for threads in THREADS:
        torch.set_num_threads(threads)
        for count in (1, 16, 64, 256):
            what, repeat = f"training step, {named(count, threads)}", REPEAT[count]
            bar = 1.00 if count > 1 else 0.70 if threads == 1 else None
            yield row(f"{what} / before", bar, compare(our_step(count), our_step(count, before), repeat))
            bar = 0.16 if count == threads == 1 else None
            yield row(f"{what} / torch.nn", bar, compare(our_step(count), torch_step(count), repeat))


def plain_c():
    """Rows: a one-pattern step beside plain loops in C."""
    torch.set_num_threads(1)
    for more, bar in (([], 1.5), (["-ffast-math"], None)):
        function, flags = compiled(more), " ".join([*FLAGS, *more])
        if function is None:
            yield f"| training step, 1 pattern / C ({flags}) | | no compiler `cc` | | |"
        else:
            result = compare(our_step(1), plain_c_step(function), REPEAT[1])
            yield row(f"training step, 1 pattern, 1 thread / C ({flags})", bar, result)


def compiling():
    """Rows: the same plain step through torch.compile."""
    torch.set_num_threads(1)
    for count in (1, 64):
        try:
            result = compare(our_step(count), compiled_step(count), REPEAT[count])
        except Exception as error:  # whatever stops a compiler: the row says so
            yield f"| training step, {named(count, 1)} / torch.compile | | {type(error).__name__} | | |"
        else:
            yield row(f"training step, {named(count, 1)} / torch.compile", None, result)


def forwards(before):
    """Rows: inference, beside the earlier version in eval mode and beside torch.nn straight after fit."""
    for threads in THREADS:
        torch.set_num_threads(threads)
        for count in (1, 64, 256, 10000):
            ours, theirs = LeNet5().eval(), before["model"].LeNet5().eval()
            turns = 15 if count < 10000 else 5
            result = compare(inference(ours, count), inference(theirs, count), REPEAT[count], turns)
            bar = 1.00 if count > 1 else 0.70 if threads == 1 else None
            yield row(f"forward, {named(count, threads)} / before", bar, result)
    torch.set_num_threads(1)
    trained = LeNet5()
    fit(trained, noise_digits(200), passes=1, schedule=[1e-6], progress=False)
    for mode in (torch.no_grad, torch.inference_mode):
        for count in (1, 64, 256):
            theirs = inference(TorchLeNet5().take(trained), count, mode)
            result = compare(inference(trained, count, mode), theirs, REPEAT[count])
            what = f"forward under {mode.__name__} straight after fit, {named(count, 1)} / torch.nn"
            yield row(what, 0.40, result)


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


def curvature(before):
    """Rows: the estimate of h on 500 patterns."""
    for threads in THREADS:
        torch.set_num_threads(threads)
        result = compare(our_curvature(500), our_curvature(500, before), 1)
        yield row(f"h on 500 patterns, {plural(threads, 'thread')} / before", 1.00, result)
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


def memory(times=20):
    """Rows: how far steps of 256 patterns drive up the process's memory, and an estimate of h."""
    measured = [
        float(subprocess.run([sys.executable, "-m", "benchmarks.memory", which, str(times)],
                             capture_output=True, text=True, check=True).stdout)
        for which in ("ours", "h", "torch.nn")
    ]  # fmt: skip
    *ours, theirs = measured
    for what, bar, own in zip(("steps on 256 patterns", "h on 500 patterns"), ("<= 0.70", ""), ours):
        what = f"growth of peak memory, {what} / torch.nn's steps on 256"
        yield f"| {what} | {bar} | **{own / theirs:.2f}** | {own:.0f} MB | {theirs:.0f} MB |"


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
    """A line: how far a step is from the matrix products of this machine."""
    torch.set_num_threads(1)
    a, b, out = torch.rand(512, 512), torch.rand(512, 512), torch.empty(512, 512)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    rate = 512**3 / statistics.median(seconds)
    step, work = compare(our_step(1), our_step(1), 100).seconds[0], multiply_adds()
    return (
        f"A one-pattern step takes {1e3 * step:.3f} ms on one thread. Its {work / 1e6:.2f} million multiply-adds would "
        f"take {1e3 * work / rate:.3f} ms at the rate of a 512 x 512 matrix product in this run "
        f"({rate / 1e9:.1f} billion a second): {step * rate / work:.1f} times that."
    )


def multiply_adds():
    """Of a step: forward and weight derivatives of every layer, and derivatives of the states of all but C1."""
    counts = {name: connections for name, (_, connections) in LeNet5().counts().items()}
    return 3 * sum(counts.values()) - counts["c1"]


def cuda():
    """A line: the times of training steps on a GPU, each a CUDA graph, where there is one."""
    if not torch.cuda.is_available():
        return "CUDA: not measured (no GPU at hand)."
    times = []
    for count in (1, 64, 256):
        step = our_step(count, device="cuda")

        def timed(step=step):
            step()
            torch.cuda.synchronize()

        times.append(f"{1e3 * compare(timed, timed, 20).seconds[0]:.3f} ms ({plural(count)})")
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
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def named(count, threads):
    return f"{plural(count)}, {plural(threads, 'thread')}"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="file to write (default: benchmarks/results.md)")
    parser.add_argument("--quick", action="store_true", help="leave out the passes over 15,000 to 60,000 patterns")
    arguments = parser.parse_args()
    before = Before()
    lines = [*steps(before), *plain_c(), *forwards(before), whole_pass(), *curvature(before), *memory()]
    if not arguments.quick:
        lines.append(linear())
    lines += compiling()  # last: where Dynamo has run, what follows is slower by a few microseconds
    table = "\n".join(lines)
    machine = f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores"
    arguments.out.write_text(
        "# Speed\n\n"
        "`make bench` wrote this. Ratios are ours / theirs, lower is better: medians of turns interleaved in one "
        f"process, quartiles in brackets; times in ms. Before is this package at commit {COMMIT}, torch.nn the same "
        "network with Conv2d under Table I's mask, AvgPool2d, Linear, autograd and torch.optim.SGD "
        "(`benchmarks/reference.py`), C the same step as plain loops (`benchmarks/one_pattern.c`), torch.compile the "
        "same plain step compiled instead of replayed.\n\n"
        f"{date.today()}, {platform.system()} {machine}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, threads {BOUND}.\n\n"
        "| what | bar | ratio | ours | theirs |\n|---|---|---|---|---|\n"
        f"{table}\n\n{throughput()}\n\n{cuda()}\n",
        encoding="utf-8",
    )
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
