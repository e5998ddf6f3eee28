"""What each command of the command line does; nothing is computed here that the package does not offer."""

import itertools
import os
import shlex
import sys
from contextlib import contextmanager
from dataclasses import replace

import torch

from ..codes import DIGIT_CODES
from ..data.digits import DataError, load_digits, to_input
from ..data.distort import Distortion
from ..data.grey import open_picture
from ..data.normalise import find_digit
from ..data.string_field import find_string
from ..data.strings import BLANK
from ..evaluation import NotFiniteError, evaluate, score_table
from ..export import MissingPackageError, export_onnx
from ..files import CheckpointError, check_writable
from ..likeness import unlike_a_digit
from ..losses import MAPLoss
from ..model import LeNet5
from ..paper import FIG5_TEST, FIG5_TRAIN, PUBLISHED_RATES
from ..schedules import SCHEDULES
from ..sdlm import SDLM, sampled_curvature
from ..strings import read_string
from ..training.arguments import check_counts
from ..training.choices import loss_named, optimizer_named
from ..training.history import History
from ..training.loop import DivergenceError, fit
from ..weights import load_weights, save_weights
from .streams import shown

SKLEARN = "scikit-learn digits"  # Digits.source
UNREADABLE = (OSError, ValueError, SyntaxError)  # what PIL, open_picture, find_digit and find_string raise
SEVERAL = "Or have the whole number read: predict --string."


class CommandError(Exception):
    """A command could not do what it was asked to."""


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


def complain(error, status):
    lines = [shown(line) for line in str(error).splitlines()]
    print("error: " + "\n".join(lines), file=sys.stderr)
    return status


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
    """Raise ValueError where two of these options name the same file, through links or not."""
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    for one, other in itertools.combinations(given, 2):
        if os.path.normcase(os.path.realpath(given[one])) == os.path.normcase(os.path.realpath(given[other])):
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


@contextmanager
def blaming(weights):
    """Name the weights where the network that they make has no answer: its penalties are not finite."""
    try:
        yield
    except ValueError as error:
        raise CommandError(f"{weights}: {error}") from error


def reader_of_digits(weights):
    """The network of these weights; raises CheckpointError where its first ten classes are not the digits from 0 on."""
    model = load_weights(weights)
    if not torch.equal(model.rbf.codes[:BLANK].to(DIGIT_CODES), DIGIT_CODES):
        raise CheckpointError(f"{weights} has rbf.codes of other signs; expected those of the digits 0 to 9 first.")
    return model


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


def predict(options):
    if options.explain:
        if options.string:
            raise ValueError("--explain draws how one digit was read; leave out --string, or --explain.")
        if len(options.files) > 1:
            raise ValueError(f"--explain draws one picture; got {len(options.files)} files: name one of them.")
        if os.path.realpath(options.explain) == os.path.realpath(options.files[0]):
            raise ValueError(f"--explain {shown(options.explain)} is the picture itself; name another file.")
        check_writable(options.explain)
    read = predict_strings if options.string else predict_digits
    return int(read(options) < len(options.files))


def predict_digits(options):
    """Print the digit in each picture; returns how many were read."""
    weights = options.weights or "regular"
    model = reader_of_digits(weights)
    read = 0
    for name, sighting in seen_in(options.files, find_digit):
        penalties = None
        if sighting.digit is None:
            more = f" {SEVERAL}" if sighting.box else ""
            leave_out(name, sighting.refusal + more)
        else:
            with torch.no_grad(), blaming(weights):
                penalties = model(to_input(sighting.digit).to(model.c1.weight))[0, :BLANK]  # a blank is no answer here
            least = penalties.min().item() if weights == "regular" else 0.0  # the limits are of these weights
            remark, refused = unlike_a_digit(sighting.digit, least, sighting.lines)
            if refused:
                leave_out(name, remark)
                sighting, penalties = replace(sighting, digit=None, refusal=remark), None
            else:
                listed = "  ".join(f"{digit}: {penalty:.1f}" for digit, penalty in enumerate(penalties.tolist()))
                print(f"{shown(name)}: {int(penalties.argmin())}   penalties  {listed}" + (remark and f"   ({remark})"))
                read += 1
        if options.explain:
            from .explain import save_explanation  # imports matplotlib, which takes a second

            save_explanation(options.explain, shown(name), sighting, penalties)
            print(f"{shown(options.explain)} is written")
    return read


def predict_strings(options):
    """Print the number in each picture; returns how many were read."""
    weights = options.weights or "strings"
    model = reader_of_digits(weights)
    read = 0
    for name, field in seen_in(options.files, find_string):
        with blaming(weights):
            reading = read_string(model, field)
        if reading.text:
            print(f"{shown(name)}: {reading.text}   confidence {reading.confidence:.3f}")
            read += 1
        else:
            leave_out(name, "no digit was read in it.")
    return read


def seen_in(names, find):
    """(name, what `find` sees) for each picture; one that cannot be opened, or holds nothing to see, is left out."""
    for name in names:
        try:
            with open_picture(name) as picture:
                found = find(picture)
        except UNREADABLE as error:
            leave_out(name, error)
        else:
            yield name, found


def leave_out(name, why):
    complain(f"{name} is left out: {why}", 1)


def export(options):
    model = load_weights(options.weights)
    error_rate = None
    if not options.unscored:
        dataset = "sklearn" if model.facts.get("source") == SKLEARN else "mnist"
        error_rate = evaluate(model, load_digits("test", dataset, options.data)).error_rate
    export_onnx(model, options.onnx, error_rate)
    print(f"{options.onnx} is written")


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
