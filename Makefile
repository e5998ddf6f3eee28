# Every command of the project; `make help` lists them. Each makes .venv first if it has to, and only then.

# python3 to make .venv from; notebooks and tests to run at once; a package index for torch alone (see README.md)
PYTHON ?= python3
JOBS ?= 2
TORCH_INDEX ?=
REPO ?=
LENET_DATA ?=

# What a reader sets is data: none of it is read as make's or the shell's text, whatever signs it has. Recipes take it
# from their environment, "$$NAME".
given = $(eval override $(1) := $$(value $(1)))
$(foreach name,PYTHON JOBS TORCH_INDEX REPO LENET_DATA NOTEBOOKS TRAINING VENV_PYTHON,$(call given,$(name)))
override NOTEBOOKS := $(or $(NOTEBOOKS),notebooks)
override TRAINING := $(or $(TRAINING),$(NOTEBOOKS)/09_training.ipynb)
override VENV_PYTHON := $(or $(VENV_PYTHON),.venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python)
export PYTHON JOBS TORCH_INDEX REPO NOTEBOOKS TRAINING VENV_PYTHON

READY := .venv/.ready

# Notebooks run in their own folder, so a relative LENET_DATA has to be told from here.
ifneq ($(strip $(LENET_DATA)),)
override LENET_DATA := $(if $(filter / ~/,$(firstword $(subst /,/ ,$(LENET_DATA))))$(findstring :,$(LENET_DATA)),,$(CURDIR)/)$(LENET_DATA)
export LENET_DATA
else
unexport LENET_DATA
endif

# A reader's own Python and Jupyter stay out: other packages, start-up files, kernels and options are none of ours.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONEXECUTABLE PYTHONPLATLIBDIR PYTHONSAFEPATH
unexport PYTHONINSPECT PYTHONOPTIMIZE PYTHONWARNINGS PYTHONBREAKPOINT PYTEST_ADDOPTS PYTEST_PLUGINS
unexport JUPYTER_PATH JUPYTER_CONFIG_PATH MPLBACKEND MATPLOTLIBRC
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help reproduce test lint test-unit test-notebooks lab demo bench study results site badges clean

# What is run to be judged runs on one thread a process, and sees nothing of the reader's own Jupyter settings.
reproduce test lint test-unit test-notebooks: export OMP_NUM_THREADS := 1
reproduce test test-unit test-notebooks: export JUPYTER_DATA_DIR := $(CURDIR)/build/jupyter
reproduce test test-unit test-notebooks: export JUPYTER_CONFIG_DIR := $(CURDIR)/build/jupyter/config
reproduce test test-unit test-notebooks: export IPYTHONDIR := $(CURDIR)/build/ipython
reproduce test test-unit test-notebooks: export MPLCONFIGDIR := $(CURDIR)/build/matplotlib

# Where nothing can be written to the reader's home, JupyterLab and the demo keep their files in build/, too.
ifneq ($(shell test -w "$$HOME" || echo closed),)
lab demo: export JUPYTER_DATA_DIR := $(CURDIR)/build/jupyter
lab demo: export JUPYTER_CONFIG_DIR := $(CURDIR)/build/jupyter/config
lab demo: export IPYTHONDIR := $(CURDIR)/build/ipython
lab demo: export MPLCONFIGDIR := $(CURDIR)/build/matplotlib
endif

help: ## list these commands
	@echo "make COMMAND, where COMMAND is one of"
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

reproduce: $(READY) | build ## train two passes through the training notebook and print the scores beside the paper's
	@echo "reproduce: $$TRAINING trains two passes; what it computes and draws is kept in build/"
	@"$$VENV_PYTHON" -m papermill "$$TRAINING" build/two_passes.ipynb --cwd "$$NOTEBOOKS" \
		-p history_path ../build/two_passes.json -p weights_path ../build/two_passes.safetensors \
		--no-progress-bar --log-level WARNING --stderr-file -
	@"$$VENV_PYTHON" -m lenet_helpers table build/two_passes.json
	@"$$VENV_PYTHON" -m lenet_helpers evaluate build/two_passes.safetensors

test: lint test-unit test-notebooks ## lint, the unit tests, then every notebook

lint: $(READY) ## check the style of the code and of the notebooks' code
	@echo "lint: ruff over packages, tests, tools and notebooks"
	@"$$VENV_PYTHON" -m ruff check .

test-unit: $(READY) | build ## the tests of tests/
	@echo "test-unit: pytest over tests/, $$JOBS processes"
	@"$$VENV_PYTHON" -m pytest tests -n "$$JOBS" --dist worksteal -q --durations 5

test-notebooks: $(READY) | build ## run every notebook in a clean kernel, from its own folder
	@echo "test-notebooks: every notebook of $$NOTEBOOKS/ from top to bottom, $$JOBS at a time"
	@"$$VENV_PYTHON" -m pytest "$$NOTEBOOKS" --nbval-lax --nbval-cell-timeout 600 -n "$$JOBS" --dist loadfile -q --durations 5

lab: $(READY) ## open the notebooks in JupyterLab
	"$$VENV_PYTHON" -m jupyterlab "$$NOTEBOOKS"

demo: $(READY) ## open the playground as a page of its own
	"$$VENV_PYTHON" tools/demo.py

bench: export OMP_PROC_BIND := true
bench: $(READY) ## time the network beside the same one in torch.nn, into benchmarks/results.md
	"$$VENV_PYTHON" -m benchmarks

study: $(READY) ## run the paper's experiments over several seeds (hours; stop and go on at any time)
	"$$VENV_PYTHON" -m lenet_helpers study --plan studies/paper.toml

results: $(READY) ## rebuild the tables and figures of results/ from its JSON files
	"$$VENV_PYTHON" -m lenet_helpers results

site: $(READY) ## build the pages of the notebooks, the reference and the results into build/site
	@"$$VENV_PYTHON" site/build.py

badges: $(READY) ## stamp the notebooks with REPO=owner/name (default: the git remote)
	"$$VENV_PYTHON" tools/notebooks.py badges --repo "$$REPO"

clean: ## remove build/ and caches; .venv, data/ and results/ stay
	rm -rf build .pytest_cache .ruff_cache .hypothesis lenet_helpers.egg-info
	find . -name .venv -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

build:
	@mkdir -p build

$(READY): pyproject.toml constraints.txt hashes.txt
	@command -v "$$PYTHON" >/dev/null 2>&1 || { \
		echo "set-up: no $$PYTHON on this machine. Install Python 3.11 or newer, or name it: make PYTHON=..."; exit 1; }
	@case "$$("$$PYTHON" -c 'print("Python")' 2>&1)" in Python*) ;; *) \
		echo "set-up: $$PYTHON is no Python that runs. Name one of 3.11 or newer: make PYTHON=python3.12"; exit 1;; esac
	@"$$PYTHON" tools/setup_venv.py
