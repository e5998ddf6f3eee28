"""What each command of the command line does; nothing is computed here that the package does not offer."""

import itertools
import shlex
import sys

import torch

from ..data.digits import DataError, load_digits
from ..data.distort import Distortion
from ..data.strings import BLANK
from ..evaluation import NotFiniteError, evaluate, score_table
from ..export import MissingPackageError, export_onnx
from ..files import CheckpointError, check_writable, same_file
from ..losses import MAPLoss
from ..model import LeNet5
from ..paper import FIG5_TEST, FIG5_TRAIN, PUBLISHED_RATES
from ..schedules import SCHEDULES
from ..sdlm import SDLM, sampled_curvature
from ..training.arguments import check_counts
from ..training.choices import loss_named, optimizer_named
from ..training.history import History
from ..training.loop import DivergenceError, fit
from ..weights import load_weights, save_weights
from .failures import CommandError, blaming, complain
from .predict import predict, reader_of_digits
from .streams import shown

SKLEARN = "scikit-learn digits"  # Digits.source
FAILURES = (
    DataError, CheckpointError, NotFiniteError, DivergenceError, CommandError, MissingPackageError, OSError,
)  # fmt: skip


def run(options, arguments):
    """Run the command that the options name; an expected failure is one line on stderr and its exit status."""
    try:
        options.line = f"python -m lenet_helpers {shlex.join(arguments)}"
        return COMMANDS[options.command](options) or 0
    except FAILURES as error:
        return complain(error, 1)
    except ValueError as error:
        return complain(error, 2)


def train(options):
    check_apart(options, "out", "history", "checkpoint")
    for path in (options.out, options.history):
        if path:
            check_writable(path)  # now, not after hours of training
    digits = load_digits("train", options.dataset, options.data)
    test = load_digits("test", options.dataset, options.data)
    if options.patterns is not None:
        digits = digits.subset(slice(checked_count(options.patterns, len(digits))))
    model = LeNet5(options.init, options.rbf_scale, options.seed)
    history = fit(
        model,
        digits,
        test,
        loss=loss_named(options.loss, options.j),
        passes=options.passes,
        schedule=schedule(options.schedule),
        seed=options.seed,
        batch_size=options.batch_size,
        optimizer=optimizer_named(options.optimizer, model, options.rate, options.momentum, options.mu),
        curvature=options.curvature,
        gamma=options.gamma,
        curvature_patterns=options.curvature_patterns,
        curvature_every=options.curvature_every,
        checkpoint=options.checkpoint,
        progress=not options.quiet,
        distort=Distortion(*options.distort) if options.distort else None,
        command=options.line,
    )
    if options.history:
        history.save(options.history)
    if options.out:
        facts = {"source": digits.source, "passes": options.passes, "command": options.line}
        save_weights(model, options.out, **facts)
    print(passes_table(history))
    print(evaluate(model, test))
    for path in (options.history, options.out):
        if path:
            print(f"{shown(path)} is written")


def check_apart(options, *names):
    """Raise ValueError where two of these options name the same file."""
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    for one, other in itertools.combinations(given, 2):
        if same_file(given[one], given[other]):
            raise ValueError(
                f"--{one} and --{other} are the same file, {given[one]}; the one would overwrite the other. "
                "Give them different names."
            )


def checked_count(count, available):
    if not 1 <= count <= available:
        raise ValueError(f"--patterns is {count}; expected 1 to {available}, the training patterns there are.")
    return count


def schedule(text):
    """The schedule that --schedule names, or a tuple of the numbers in it."""
    if text in SCHEDULES:
        return SCHEDULES[text]
    try:
        return tuple(float(eta) for eta in text.split(","))  # `fit` says which range
    except ValueError:
        names = ", ".join(SCHEDULES)
        raise ValueError(f"--schedule is {text!r}; expected {names}, or numbers such as 5e-4,2e-4.") from None


def passes_table(history):
    """A line for each pass; beside it Fig. 5's where the digits are MNIST's."""
    curves = (FIG5_TRAIN, FIG5_TEST) if history.source == "MNIST" else ({}, {})
    lines = ["pass      eta   training error, %  (Fig. 5)   test error, %  (Fig. 5)   seconds"]
    for done in history.passes:
        number, test = done["pass"], done["test_error"]
        published = [f"{curve[number]:.2f}" if number in curve else "-" for curve in curves]
        test = "-" if test is None else f"{test:.2f}"
        lines.append(
            f"{number:4d} {done['eta']:8.2g} {done['train_error']:19.2f} {published[0]:>9} "
            f"{test:>15} {published[1]:>9} {done['seconds']:9.1f}"
        )
    return "\n".join(lines)


def score(options):
    model = reader_of_digits(options.weights)
    facts = model.facts
    dataset = options.dataset or ("sklearn" if facts.get("source") == SKLEARN else "mnist")
    digits = load_digits("test", dataset, options.data)
    with blaming(options.weights):
        report = evaluate(model, digits)
    print(f"{shown(options.weights)}: trained on {facts.get('source', 'digits that it does not name')}")
    print(report, score_table(report, facts.get("passes")), sep="\n\n")
    if len(model.rbf.codes) > BLANK:
        from ..study.strings import score_lines

        print(f"\n{score_lines(model, digits)}")


def export(options):
    model = load_weights(options.weights)
    error_rate = None
    if not options.unscored:
        dataset = "sklearn" if model.facts.get("source") == SKLEARN else "mnist"
        error_rate = evaluate(model, load_digits("test", dataset, options.data)).error_rate
    export_onnx(model, options.onnx, error_rate)
    print(f"{shown(options.onnx)} is written")


def curvature(options):
    digits = load_digits("train", options.dataset, options.data)
    model = LeNet5(options.init, options.rbf_scale, options.seed)
    rule = SDLM(model.named_parameters(), options.eta, options.mu)
    check_counts(curvature_patterns=options.curvature_patterns)
    h = sampled_curvature(model, MAPLoss(), digits, options.curvature_patterns, options.seed)
    rule.set_curvature(h)
    print(
        f"{digits.source}, {min(options.curvature_patterns, len(digits))} patterns, init {options.init}, "
        f"penalty scale {options.rbf_scale:g}, seed {options.seed}, eta {options.eta:g}, mu {options.mu:g}"
    )
    print(f"{'':20}h smallest   h largest   rate smallest   rate largest")
    rates = rule.rates()
    for name, rate in rates.items():
        extremes = *(float(end) for end in h[name].aminmax()), *(float(end) for end in rate.aminmax())
        print("{:18}{:12.2e}{:12.2e}{:16.1e}{:15.1e}".format(name, *extremes))
    ends = [float(end) for end in torch.cat([rate.flatten() for rate in rates.values()]).aminmax()]
    print("{:42}{:16.1e}{:15.1e}".format("all parameters", *ends))
    print("{:42}{:16.1e}{:15.1e}".format("published (III-B)", *PUBLISHED_RATES))


def table(options):
    history = History.load(options.history)
    print(f"{history.source}, seed {history.seed}", passes_table(history), sep="\n")


def study(options):
    try:
        from ..study.run import StudyError, run_study
    except ModuleNotFoundError as error:
        raise CommandError(
            f"A study needs what is not installed ({error}): pip install lenet_helpers[study]"
        ) from error
    names = ("scheduler", "jobs", "only", "results", "build")
    try:
        run_study(options.plan, **{name: getattr(options, name) for name in names})
    except StudyError as error:
        raise CommandError(error) from error
    except KeyboardInterrupt:
        print(
            "Interrupted. Run the same again: finished runs are kept, the others go on from their checkpoints.",
            file=sys.stderr,
        )
        raise


def results(options):
    from ..study.report import build_results

    path = build_results(options.results) if options.results else build_results()
    print(f"{shown(path)} is written")


COMMANDS = {
    "train": train,
    "evaluate": score,
    "predict": predict,
    "export": export,
    "curvature": curvature,
    "table": table,
    "study": study,
    "results": results,
}
