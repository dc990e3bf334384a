# The words of this project. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
DISTRIBUTIONS := . sdk plugins/transport_libp2p
PACKAGES := mepassad sdk/mepassa plugins/transport_libp2p/mepassad_transport_libp2p
MANIFESTS := $(DISTRIBUTIONS:%=%/pyproject.toml)
SET_UP := .venv/set-up.done

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SET_UP) ## Make .venv from requirements.lock, with everything here installed in place.

$(SET_UP): requirements.lock scripts/set-up $(MANIFESTS)
	@scripts/set-up $(PYTHON) $(DISTRIBUTIONS)
	@touch $@

.PHONY: run
run: setup ## Run a node with config.yaml; the first run makes its account.
	@$(BIN)/mepassad --config config.yaml --invite

.PHONY: demo
demo: setup ## Two nodes and an echo bot in a temporary folder, shown at work.
	@$(BIN)/python -m scripts.demo

.PHONY: demo-hybrid
demo-hybrid: setup ## A server and two nodes: direct, then relayed, then offline and back, with routes and times.
	@$(BIN)/python -m scripts.demo_hybrid

.PHONY: test
test: setup ## Run all tests on two cores, with branch coverage.
	@scripts/system-packages
	@scripts/js-packages
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-fail-under=85

.PHONY: torture
torture: setup ## Kill and freeze nodes under load, let devices live through hundreds of schedules, break every check of the crypto.
	@MEPASSAD_KILLS=100 $(BIN)/python -m pytest tests/flows/test_kill.py
	@MEPASSAD_KILLS=100 MEPASSAD_STOPPED=60 $(BIN)/python -m pytest tests/flows/test_bad_days.py
	@MEPASSAD_MESSAGES=1000 $(BIN)/python -m pytest tests/flows/test_relay_daemons.py
	@scripts/system-packages faketime
	@$(BIN)/python -m pytest tests/flows/away_for_weeks.py
	@MEPASSAD_SCHEDULES=300 $(BIN)/python -m pytest --timeout 3600 tests/properties/test_worlds.py
	@$(BIN)/python -m pytest --timeout 3600 --hypothesis-profile torture -m hypothesis
	@$(BIN)/python -m scripts.mutate

.PHONY: lint
lint: setup ## Check style, formatting and who imports whom.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

.PHONY: types
types: setup ## Check types.
	@$(BIN)/mypy $(PACKAGES) bench scripts examples

.PHONY: gen
gen: setup ## Make all generated files anew: protobuf, RPC docs and client, catalogues, vectors.
	@scripts/generate

.PHONY: bench
bench: setup ## Measure; JSON lines, then a table with ratios to the floor and targets.
	@$(BIN)/python -m bench --table

SECONDS ?= 600

.PHONY: soak
soak: setup ## Two nodes under load for SECONDS=600: fails when memory, tasks or descriptors grow.
	@$(BIN)/python -m bench soak $(SECONDS) --table

.PHONY: lock
lock: setup ## Make requirements.lock anew from requirements.in.
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --no-emit-index-url --no-emit-find-links --overrides requirements-overrides.in \
	    requirements.in --output-file requirements.lock

.PHONY: clean
clean: ## Remove .venv and what tools left behind; the node's data stays.
	@rm -rf .venv .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
