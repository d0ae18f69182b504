# Every target sets up what it needs in $(VENV); `make help` lists them.

PYTHON ?= python3
VENV ?= .venv
MIN_VENV ?= .venv-min
# A file of tests is the unit that goes to a worker, since its fixtures hold whole runs
PYTEST_WORKERS ?= -n auto --maxprocesses 4 --dist loadfile
PYTEST_ARGS ?=

BIN := $(VENV)/bin
SETUP := $(PYTHON) tools/setup_environment.py
SETUP_INPUTS := pyproject.toml setup.cfg constraints.txt tools/setup_environment.py

# A stamp is touched only after pip succeeded, so an interrupted set-up is taken up again
CORE := $(VENV)/.core-is-ready
FULL := $(VENV)/.tests-are-ready
MINIMUM := $(MIN_VENV)/.tests-are-ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-min lint format types docs bench constraints tmva-report clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

$(CORE): $(SETUP_INPUTS)
	$(SETUP) $(VENV)
	@touch $@

$(FULL): $(SETUP_INPUTS)
	$(SETUP) $(VENV) --extras dev,docs,gan,interchange,lightgbm,nn,onnx,remote,root,sim,sklearn-io
	@touch $(CORE) $@

$(MINIMUM): $(SETUP_INPUTS) tools/minimum_requirements.py
	$(PYTHON) tools/minimum_requirements.py > $(MIN_VENV).txt
	$(SETUP) $(MIN_VENV) --constraints $(MIN_VENV).txt --also pytest pytest-mpl pytest-timeout hypothesis build setuptools wheel
	@touch $@

demo: $(CORE)  ## train the Higgs example on the committed sample and print its table
	$(BIN)/hepml train analyses/higgs_tautau/analysis.yaml -o runs/higgs_tautau --overwrite

test: $(FULL)  ## run the test suite
	$(BIN)/python -m pytest --mpl $(PYTEST_WORKERS) $(PYTEST_ARGS)

test-slow: $(FULL)  ## run the tests that are too long for make test
	$(BIN)/python -m pytest --mpl -m slow $(PYTEST_ARGS)

# Warnings of old libraries are not ours, and their figures differ by a pixel
test-min: $(MINIMUM)  ## run the tests with the oldest supported dependencies
	$(MIN_VENV)/bin/python -m pytest -o filterwarnings=default --ignore tests/docs --ignore tests/packaging --ignore tests/sample $(PYTEST_ARGS)

lint: $(FULL)  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(FULL)  ## rewrite to the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(FULL)  ## check types
	$(BIN)/mypy

docs: $(FULL)  ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(FULL)  ## run every benchmark and print its figures
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

tmva-report: $(FULL)  ## compare every golden file of TMVA, and write the table into docs/tmva.md
	$(BIN)/python -m tools.tmva_report

constraints: $(FULL)  ## write constraints.txt from the environment as it is
	$(BIN)/python tools/write_constraints.py

clean:  ## remove environments, caches, builds and runs
	rm -rf $(VENV) $(MIN_VENV) $(MIN_VENV).txt build dist *.egg-info docs/_build runs
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
