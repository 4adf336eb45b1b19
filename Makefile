# Potomac's commands for a fresh machine with python3 (3.11 or newer), python3-venv and make. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
SERVE ?= 1
PORT ?= 8000
DEMO ?= potomac-demo

VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PEERS := .venv-peers
LOCKS := requirements
UV := $(BIN)/uv
AGAIN = $(MAKE) --no-print-directory
# uv takes the environment's word for the registry; these keep it from writing beside its cache or asking for a Python.
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE ?= copy
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1
COMPILE := pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

.PHONY: help setup test lint docs reference changelog demo serve-demo bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.setup ## only the set-up: .venv/bin/potomac works afterwards

test: $(VENV)/.setup $(VENV)/.demo ## all set-up, then lint, types, import contracts, docs and the whole test suite
	@status=0; \
	$(AGAIN) --keep-going lint docs || status=$$?; \
	[ $$status = 0 ] || echo "style, types, contracts or documentation failed, see above; the tests run all the same" >&2; \
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(PYTEST) || status=$$?; \
	exit $$status

lint: $(VENV)/.setup ## style, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	POTOMAC_SECRET_KEY=types $(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.setup ## build the documentation into site/, without network
	$(BIN)/mkdocs build --strict --quiet --site-dir site

reference: $(VENV)/.setup ## write the reference pages anew from the code
	$(BIN)/python scripts/reference.py

changelog: $(VENV)/.setup ## gather changes.d into CHANGELOG.md
	$(BIN)/python scripts/changelog.py

demo: $(VENV)/.setup $(VENV)/.demo ## run the demo studies on real positions and serve them (SERVE=0 stops after the runs)
	$(BIN)/potomac demo --out $(DEMO)
	@[ "$(SERVE)" = 0 ] || $(AGAIN) serve-demo

serve-demo: export POTOMAC_HOME ?= $(abspath $(DEMO))/.server
serve-demo:
	@for run in $(DEMO)/runs/*/latest; do \
		$(BIN)/potomac publish "$$run" --as "$$(basename "$$(dirname "$$run")")" --visibility public; \
	done
	@exec $(BIN)/potomac serve --port $(PORT)

bench: export POTOMAC_BENCH_PEERS ?= $(abspath $(PEERS))/bin/python
bench: $(BENCH)/.setup $(PEERS)/.setup ## the benchmark tables, peers included, in an environment of their own
	$(BENCH)/bin/python -m benchmarks $(BENCHMARKS)

lock: $(VENV)/.uv ## renew the lock files: hashes, no registry hosts (UPGRADE=1 takes the newest versions)
	$(UV) $(COMPILE) $(LOCKS)/uv.in -o $(LOCKS)/uv.lock
	$(UV) $(COMPILE) --all-extras --group dev pyproject.toml -o $(LOCKS)/all.lock
	$(UV) $(COMPILE) --extra location --extra outliers --extra recommend --extra roads --extra server --extra simulation --group bench -c $(LOCKS)/all.lock pyproject.toml -o $(LOCKS)/bench.lock
	$(UV) $(COMPILE) --no-deps $(LOCKS)/demo.in -o $(LOCKS)/demo.lock
	$(UV) $(COMPILE) $(LOCKS)/peers.in -o $(LOCKS)/peers.lock

clean: ## remove what make has made (runs stay)
	rm -rf $(VENV) $(BENCH) $(PEERS) site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/.uv: $(LOCKS)/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Potomac needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try make PYTHON=python3.12 ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(LOCKS)/uv.lock
	@touch $@

$(VENV)/.setup: $(VENV)/.uv $(LOCKS)/all.lock pyproject.toml
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes $(LOCKS)/all.lock
	$(UV) pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.demo: $(VENV)/.setup $(LOCKS)/demo.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r $(LOCKS)/demo.lock
	@touch $@

$(BENCH)/.setup: $(VENV)/.uv $(LOCKS)/bench.lock pyproject.toml
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(UV) pip install --quiet --python $(BENCH)/bin/python --require-hashes --no-deps -r $(LOCKS)/bench.lock
	$(UV) pip install --quiet --python $(BENCH)/bin/python --offline --no-deps --no-build-isolation --editable .
	@touch $@

# Peers that ask for another NumPy; where it cannot be installed (no wheels for this Python), they are not measured.
$(PEERS)/.setup: $(VENV)/.uv $(LOCKS)/peers.lock
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(UV) pip install --quiet --python $(PEERS)/bin/python --only-binary :all: --require-hashes --no-deps -r $(LOCKS)/peers.lock \
		|| echo "RecTools is left out of the benchmarks: see above" >&2
	@touch $@
