# Two commands do everything on a fresh machine with Python >= 3.11 and make:
#   make demo    set up, then train, evaluate and recommend on real data
#   make test    set up, then lint, types, import contracts and tests
#   make docs    set up, then build the documentation into docs/_build/html
#   make bench   set up, then measure every figure of docs/performance.md
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# A folder of data sets beside the project is used where there is one.
ifneq ($(wildcard ../shared/datasets),)
export REFEED_DATA ?= $(abspath ../shared/datasets)
endif

.PHONY: demo test test-slow docs bench lint clean

demo: $(VENV)/.installed
	$(BIN)/refeed demo --overwrite

test: lint
	$(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

test-slow: $(VENV)/.installed
	$(BIN)/pytest -m slow

docs: $(VENV)/.installed
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

# Everything that docs/performance.md shows, about an hour on 2 cores; BENCH="step_speed at_size" runs some, BENCH_OPTIONS="--size small" small sizes.
bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/suite.py $(BENCH) $(BENCH_OPTIONS)
	$(BIN)/python benchmarks/performance_page.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "refeed needs Python 3.11 or newer; say which one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) refeed-demo docs/_build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
