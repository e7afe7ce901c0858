# The only door to every command: people, pre-commit and CI call the same targets.
# A machine with Python 3.11 or later, make and a network to package registries is enough.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CACHE  := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/finetune
UV_VERSION := 0.13.8
COMPONENTS := api operator trainer-image cli
SOURCES := api/src operator/src trainer-image/src cli/src hack benchmarks
LOCK    := requirements/dev.txt
export PYTHONPATH := hack:tests/support:benchmarks
export UV_PROJECT_ENVIRONMENT := $(VENV)

# uv from the PATH when there is one, else from PyPI into the cache.
UV := $(or $(shell command -v uv 2>/dev/null),$(CACHE)/uv-$(UV_VERSION)/bin/uv)

.PHONY: help setup fmt lint type test test-slow test-unit test-integration generate verify lock control-plane demo \
        examples bench-operator bench-trainer bench-memory clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[36m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## Install everything that development needs, from the hash-pinned locks

$(CACHE)/uv-$(UV_VERSION)/bin/uv:
	@echo "uv is not there: taking version $(UV_VERSION) from PyPI"
	$(PYTHON) -m venv "$(CACHE)/uv-$(UV_VERSION)"
	"$(CACHE)/uv-$(UV_VERSION)/bin/pip" install -q "uv==$(UV_VERSION)"

$(VENV)/.ready: $(LOCK) $(COMPONENTS:%=%/pyproject.toml) | $(UV)
	@echo "Installing into $(VENV): about two minutes when nothing is cached (torch is 6 GB)"
	"$(UV)" venv -q --allow-existing --python $(PYTHON) $(VENV)
	"$(UV)" pip sync -q --python $(BIN)/python --require-hashes $(LOCK)
	"$(UV)" pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(COMPONENTS:%=-e ./%)
	@touch $@

fmt: setup ## Format the code
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

lint: setup ## Check format, lint and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

type: setup ## Check types, strictly
	$(BIN)/mypy $(SOURCES)

test: setup ## Run every test but the slow ones (a real control plane, built on first use)
	$(BIN)/pytest -m "not slow"

test-slow: setup ## Run the tests that take minutes, such as a hundred kills
	$(BIN)/pytest -m slow

test-unit: setup ## Run the tests that need no control plane
	$(BIN)/pytest -m "not slow" tests/unit tests/chart

test-integration: setup ## Run the tests on a real control plane
	$(BIN)/pytest -m "not slow" tests/integration

generate: setup ## Write the CRD, its copy in the chart, the references and the dashboards
	$(BIN)/python -m generate

verify: lint type generate ## Check everything but the tests, and that what is generated is in step
	@git diff --exit-code -- crds charts docs || { echo "generated files were out of step: commit them"; exit 1; }
	@test -z "$$(git status --porcelain -- crds charts docs)" || { git status --short; echo "generated files are not committed"; exit 1; }

lock: | $(UV) ## Resolve the dependencies of all components anew into requirements/
	@$(MAKE) --no-print-directory lock-operator lock-trainer-image lock-cli lock-dev

COMPILE = "$(UV)" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
          --no-emit-package finetune-api --no-emit-package finetune-operator --no-emit-package finetune-trainer \
          --no-emit-package kubectl-finetune --custom-compile-command "make lock"

lock-%: | $(UV)
	@$(COMPILE) $*/pyproject.toml -o requirements/$(if $(filter trainer-image,$*),trainer,$*).txt

lock-dev: | $(UV)
	@$(COMPILE) $(COMPONENTS:%=%/pyproject.toml) requirements/dev.in --override requirements/overrides.txt -o $(LOCK)

control-plane: setup ## Start a real control plane with a process node; Ctrl-C ends it
	$(BIN)/python -m devcluster up --node

demo: setup ## From nothing to a fine-tuned BERT, through a real control plane
	$(BIN)/python -m demo

examples: setup ## Run every example, and check that each beats its own baseline
	$(BIN)/python -m example_runs

bench-operator: setup ## Measure the operator beside a bare client, in one run
	$(BIN)/python -m operator_bench

bench-trainer: setup ## Measure the trainer beside four others and its bars, in one run
	$(BIN)/python -m trainer_bench

bench-memory: setup ## Measure the peak memory of trainings against the trainer's estimate
	$(BIN)/python -m memory_bench

clean: ## Remove what was built here; the caches stay
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
