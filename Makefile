# Two commands do everything on a fresh machine with Python >= 3.11 and make:
#   make demo    set up, then train, evaluate and recommend on real data
#   make test    set up, then lint, types, import contracts and tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# A folder of data sets beside the project is used where there is one.
ifneq ($(wildcard ../shared/datasets),)
export REFEED_DATA ?= $(abspath ../shared/datasets)
endif

.PHONY: demo test test-slow lint clean

demo: $(VENV)/.installed
	$(BIN)/refeed demo --overwrite

test: lint
	$(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

test-slow: $(VENV)/.installed
	$(BIN)/pytest -m slow

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
	rm -rf $(VENV) refeed-demo .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
