"""Put a network of the study into the package, with how it was made and what it does in its facts.

    python studies/package.py regular distorted

Which experiment a name stands for is in EXPERIMENTS; that seed 0's network is taken was settled before any was judged.
"""

import argparse

from lenet_helpers.study.read import RESULTS, load_study
from lenet_helpers.weights import load_weights, packaged_path, save_weights

SEED = 0
EXPERIMENTS = {"regular": "gentle", "distorted": "distorted-longer"}


def facts_of(study, experiment):
    """What the package says of a network: error rates in percent of MNIST's 10,000 test digits, seeds beside it."""
    records = study.runs(experiment)
    (run,) = (record for record in records if record["configuration"]["seed"] == SEED)
    return {
        "source": run["data"],
        "command": run["command"],
        "git_commit": run["git_commit"],
        "rule": f"seed {SEED} of {experiment}, settled before any of its networks was judged",
        "error": run["error"],
        "mean error": study.errors(experiment).mean().round(3),
        "seeds": len(records),
    }


def package(name):
    """Write the package's weights of this name from the study's."""
    experiment = EXPERIMENTS[name]
    model = load_weights(RESULTS / "weights" / f"{experiment}-{SEED}.safetensors")
    save_weights(model, packaged_path(name), **facts_of(load_study(), experiment))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=EXPERIMENTS, metavar="{regular,distorted}")
    for name in parser.parse_args().names:
        package(name)
