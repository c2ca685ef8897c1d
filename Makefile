# `make` alone lists the targets; they need Python 3.11 or newer, and set up a virtual environment by themselves.
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# A folder of data sets beside the project is used where there is one.
ifneq ($(wildcard ../shared/datasets),)
export REFEED_DATA ?= $(abspath ../shared/datasets)
endif

# Python compiles a module when it first imports it: much less work than letting pip compile every one of PyTorch's.
unexport PYTHONDONTWRITEBYTECODE
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt

.PHONY: help demo test coverage check test-slow docs bench lint clean

help:
	@echo 'make demo       train, evaluate and recommend on real data'
	@echo 'make test       lint, types, import contracts and tests'
	@echo 'make coverage   the tests, with branch coverage of at least 95%'
	@echo 'make check      lint, types, and the tests of what changed with a smoke set: before each commit'
	@echo 'make test-slow  the slow tests'
	@echo 'make lint       lint, types and import contracts'
	@echo 'make docs       build the documentation into docs/_build/html'
	@echo 'make bench      measure every figure of docs/performance.md (about an hour)'
	@echo 'make clean      remove the virtual environment and all that these write'

demo: $(VENV)/.demo
	$(BIN)/refeed demo --overwrite

# Measuring coverage makes the tests a third longer, so it is left to continuous integration, which sets CI, and to `make coverage`.
COVERAGE := --cov --cov-report=term:skip-covered --cov-fail-under=95

test: lint
	$(BIN)/pytest -n auto --dist worksteal $(if $(CI),$(COVERAGE))

coverage: $(VENV)/.dev
	$(BIN)/pytest -n auto --dist worksteal $(COVERAGE)

# SINCE=main: of all that the branch changed, not of what is not committed yet alone.
check: lint
	$(BIN)/pytest -n auto --dist worksteal $$($(BIN)/python tools/changed_tests.py $(SINCE))

test-slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

# Everything that docs/performance.md shows, about an hour on 2 cores; BENCH="step_speed at_size" runs some, BENCH_OPTIONS="--size small" small sizes.
bench: $(VENV)/.dev
	$(PIP_INSTALL) -e '.[bench]'
	$(BIN)/python benchmarks/suite.py $(BENCH) $(BENCH_OPTIONS)
	$(BIN)/python benchmarks/performance_page.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each stamp is a set of installed packages: what the demo needs, and everything that the other targets need.
$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.created
	$(PIP_INSTALL) -e '.[report]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.created
	$(PIP_INSTALL) -e '.[dev]'
	touch $(VENV)/.demo $@

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "refeed needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

clean:
	rm -rf $(VENV) refeed-demo docs/_build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
