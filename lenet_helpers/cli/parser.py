"""The command line: python -m lenet_helpers COMMAND --help."""

import argparse
import sys

from .streams import patient_streams

LARGEST = 3.4028234663852886e38  # float32's; torch would say, and --help need not wait for it


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def main(arguments=None):
    """Run one command; return its exit status: 0, 1 where it failed, 2 for wrong options, 130 after Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with patient_streams():
        options = parser().parse_args(arguments)
        try:
            from .commands import run  # imports torch, which --help need not wait for

            return run(options, arguments)
        except KeyboardInterrupt:
            return 130


def number(text):
    """A number that the network's float32 can hold."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not abs(value) <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text} is out of range; expected a finite number, at most {LARGEST:.1e}")
    return value


def seed(text):
    return whole_number(text, 0, 2**32 - 1)


def count(text):
    return whole_number(text, 1, 2**31 - 1)


def whole_number(text, low, high):
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is out of range; expected a whole number from {low} to {high}")
    return value


INITS = ("lush", "appendix_a", "authors", "paper")  # old names last


def parser():
    top = argparse.ArgumentParser(prog="python -m lenet_helpers", description="LeNet-5 of 1998.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text):
        return commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False, formatter_class=Help
        )

    train = command("train", "train a network, one pattern an update unless said otherwise")
    add_network(train)
    add_data(train)
    add_updates(train)
    train.add_argument("--out", metavar="FILE", help="write the trained weights here (.safetensors)")
    train.add_argument("--history", metavar="FILE", help="write the history of the passes here (.json)")
    train.add_argument("--checkpoint", metavar="FILE", help="where the same command goes on after an interruption")
    train.add_argument("--quiet", action="store_true", help="no progress bar")

    evaluate = command("evaluate", "score trained weights on the whole test set, beside the paper's figures")
    add_weights(evaluate, "weights", nargs="?")
    add_data(evaluate, dataset=None)

    predict = command("predict", "read pictures of one digit each, of any size, dark on light or light on dark")
    kinds = "a PNG, JPEG, WebP, TIFF, BMP or GIF file, whatever its ending"
    predict.add_argument("files", nargs="+", metavar="FILE", help=kinds)
    predict.add_argument(
        "--explain", metavar="PNG", help="draw here how the picture was read: ground, ink, box, field and answer"
    )
    predict.add_argument(
        "--string", action="store_true", help="read the number in each picture, one line of up to some fifteen digits"
    )
    add_weights(predict, "--weights")
    predict.set_defaults(weights=None)  # "regular", or "strings" with --string

    export = command("export", "write a network for use elsewhere, with what it was trained on and its error rate")
    add_weights(export, "weights", nargs="?")
    export.add_argument("--onnx", required=True, metavar="FILE", help="where to write it (.onnx)")
    export.add_argument("--unscored", action="store_true", help="leave the error rate out; no test digits are needed")
    export.add_argument("--data", metavar="FOLDER", help="holds MNIST/raw; $LENET_DATA unless given")

    curvature = command("curvature", "print the effective rates of the first pass beside the published ones")
    add_network(curvature)
    add_data(curvature)
    curvature.add_argument("--curvature-patterns", type=int, default=500, metavar="N", help="patterns to estimate h on")
    curvature.add_argument("--eta", type=number, default=5e-4, help="global rate")
    curvature.add_argument("--mu", type=number, default=0.02, help="keeps a rate finite where h is small (Eq. 21)")

    table = command("table", "print the passes of a training history beside the paper's Fig. 5")
    table.add_argument("history", metavar="FILE", help="a history by train --history or by fit (.json)")

    study = command("study", "train the runs of a plan that are not finished, several at a time")
    study.add_argument("--plan", required=True, metavar="FILE", help="which runs (.toml)")
    study.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, tcp://host:port, to train on")
    study.add_argument("--jobs", type=count, metavar="N", help="runs at a time here; all cores unless given")
    study.add_argument("--only", metavar="PATTERN", help='only runs with such names, for example "regular-*"')
    study.add_argument("--results", default="results", metavar="FOLDER", help="where finished runs go")
    study.add_argument("--build", default="build/study", metavar="FOLDER", help="where checkpoints go")

    results = command("results", "write the tables and figures of a study from its finished runs")
    results.add_argument("--results", metavar="FOLDER", help="where the runs are; the repository's unless given")
    return top


def add_network(command):
    command.add_argument(
        "--init", choices=INITS, default="lush", metavar="{lush,appendix_a}",
        help="U(+-1/sqrt(F)) or U(+-2.4/F); the old names authors and paper are taken too",
    )  # fmt: skip
    command.add_argument("--rbf-scale", type=number, default=0.5, metavar="SCALE", help="of the penalty, 1/2 or 1")
    command.add_argument("--seed", type=seed, default=0, help="of the first weights and of the order of the patterns")


def add_data(command, dataset="auto"):
    command.add_argument(
        "--dataset", choices=("auto", "mnist", "sklearn"), default=dataset,
        help="MNIST, scikit-learn's digits, or MNIST where it can be had" if dataset else "that of the training",
    )  # fmt: skip
    command.add_argument("--data", metavar="FOLDER", help="holds MNIST/raw; $LENET_DATA unless given")


def add_weights(command, name, **more):
    text = "a file by train --out, or weights that come with the package: regular, distorted, strings"
    command.add_argument(name, default="regular", metavar="WEIGHTS", help=text, **more)


def add_updates(train):
    def add(name, kind, default, text):
        train.add_argument(name, type=kind, default=default, metavar="X" if kind is number else "N", help=text)

    add("--patterns", int, None, "train on the first N patterns only")
    add("--passes", int, 20, "times through the training set")
    train.add_argument(
        "--schedule", default="paper", metavar="ETA,...",
        help='eta: "paper" (III-B), "two-pass" (falling from 0.0005 to 0.00001 within two), or one for each pass',
    )  # fmt: skip
    add("--batch-size", int, 1, "patterns an update")
    train.add_argument("--loss", choices=("map", "mse"), default="map", help="Eq. 9 or Eq. 8")
    add("--j", number, 10.0, "penalty of the rubbish class in Eq. 9")
    train.add_argument("--optimizer", choices=("sdlm", "sgd", "adam"), default="sdlm", help="rule of the updates")
    add("--rate", number, None, "learning rate of sgd or adam in the first pass; the schedule scales it")
    add("--momentum", number, 0.0, "of sgd")
    add("--mu", number, 0.02, "of sdlm: keeps a rate finite where h is small (Eq. 21)")
    train.add_argument(
        "--curvature", choices=("estimate", "running", "exact"), default="estimate",
        help="h: estimated before each pass, a running average in the first, or with the exact diagonal of the loss",
    )  # fmt: skip
    add("--gamma", number, 0.1, "share of the newest pattern in the running average")
    add("--curvature-patterns", int, 500, "patterns to estimate h on")
    add("--curvature-every", int, None, "patterns after which h is estimated anew within a pass")
    train.add_argument(
        "--distort", type=number, nargs=4, metavar=("TRANSLATION", "SCALING", "SQUEEZING", "SHEAR"),
        help="distort nine of ten presentations by up to these strengths, such as 1 0.15 0.15 0.25",
    )  # fmt: skip
