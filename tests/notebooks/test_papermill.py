"""The notebooks with other parameters or digits than their own, executed by papermill into build/papermill/."""

from pathlib import Path

import nbformat
import papermill
import pytest

from lenet_helpers.training.history import History
from lenet_helpers.weights import load_weights

ROOT = Path(__file__).parents[2]
OUTPUTS = ROOT / "build" / "papermill"

RUNS = {  # name -> notebook, parameters, what its output has to say
    "06-small": (
        "06_loss",
        {"train_patterns": 400, "test_patterns": 200, "code_steps": 60, "margins": [1, 20]},
        ["MSELoss()", "MAPLoss(j=1)", "MAPLoss(j=20)"],
    ),
    "06-sklearn": (
        "06_loss",
        {"dataset": "sklearn", "seed": 1, "train_patterns": 300, "code_steps": 30, "margins": [5]},
        ["scikit-learn digits: 300 patterns", "MAPLoss(j=5)"],
    ),
    "08-mse": (
        "08_sdlm",
        {"loss": "mse", "updates": 60, "race_patterns": 100},
        ["SDLM", "momentum", "Adam"],
    ),
    "08-appendix-a": (
        "08_sdlm",
        {"dataset": "sklearn", "init": "appendix_a", "eta": 2e-4, "seed": 1, "updates": 30, "race_patterns": 60},
        ["scikit-learn digits", "none above eta / mu = 0.01"],
    ),
    "09-mse-batches": (
        "09_training",
        {"loss": "mse", "train_patterns": 600, "passes": 1, "batch_size": 10, "schedule": "paper"},
        ["pass 1:", "600 patterns", "loss mse"],
    ),
    "09-appendix-a": (
        "09_training",
        {"dataset": "sklearn", "init": "appendix_a", "seed": 1, "train_patterns": 500, "passes": 2},
        ["pass 2:", "500 patterns of scikit-learn digits", "init appendix_a"],
    ),
}


def execute(name, notebook, parameters):
    """Run a notebook as papermill's command line does; everything its cells showed, as one text."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    written = OUTPUTS / f"{name}.ipynb"
    papermill.execute_notebook(
        ROOT / "notebooks" / f"{notebook}.ipynb",
        written,
        parameters=parameters,
        cwd=ROOT / "notebooks",
        progress_bar=False,
        kernel_name="python3",
    )
    outputs = [o for cell in nbformat.read(written, as_version=4).cells for o in cell.get("outputs", [])]
    return "\n".join(o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in outputs)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RUNS)
def test_notebook_runs_with_other_parameters(name):
    notebook, parameters, expected = RUNS[name]
    said = execute(name, notebook, parameters)
    assert [words for words in expected if words not in said] == []


OF_SKLEARN = {notebook for notebook, parameters, _ in RUNS.values() if parameters.get("dataset") == "sklearn"}
OTHERS = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")) if path.stem not in OF_SKLEARN]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", OTHERS)
def test_notebook_runs_without_mnist(notebook):
    """As where it is absent and cannot be downloaded: what a notebook asserts of MNIST, it asserts of MNIST alone."""
    assert execute(f"{notebook}-sklearn", notebook, {"dataset": "sklearn"})  # raises where a cell does


@pytest.mark.timeout(300)
def test_training_notebook_writes_the_history_and_the_weights_it_trained():
    history_path, weights_path = OUTPUTS / "history.json", OUTPUTS / "weights.safetensors"
    for path in (history_path, weights_path):
        path.unlink(missing_ok=True)
    parameters = {"dataset": "sklearn", "train_patterns": 300, "passes": 1, "seed": 2}
    paths = {"history_path": str(history_path), "weights_path": str(weights_path)}
    said = execute("09-paths", "09_training", parameters | paths)
    history, model = History.load(history_path), load_weights(weights_path)
    (only,) = history.passes
    assert (history.seed, history.source, history.finished) == (2, "scikit-learn digits", True)
    assert f"test {only['test_error']:.2f}%" in said
    assert model.facts["test_error"] == only["test_error"]
    assert (model.facts["source"], model.facts["passes"], model.seed) == ("scikit-learn digits", 1, 2)


def test_a_broken_cell_stops_the_run_with_its_error():
    with pytest.raises(papermill.PapermillExecutionError, match="KeyError"):
        execute("09-broken", "09_training", {"dataset": "sklearn", "train_patterns": 100, "loss": "hinge"})
