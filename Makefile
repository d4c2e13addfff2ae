# Both commands set up everything they need, in .venv, and are safe to run again.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# antspyx and nilearn settle what SciPy there is: not in the environment of the tests.
HARMONY := $(VENV)-harmony

.PHONY: harmony help demo test lint types unit notebooks docs figures format clean

help:
	@echo "make demo    a first result in a minute: tutorial data, extraction, table, archive, picture"
	@echo "make test    everything CI runs: lint, types, tests, doctests, notebooks"
	@echo "make docs    the documentation, in docs/_build/html"
	@echo "make figures the figures of the documentation and the README, anew"
	@echo "make harmony what other tools say of one map, against ours; into the page that compares them"
	@echo "make format  sort imports, format, fix what can be fixed"

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "qsiparc needs Python 3.11 or newer; name one: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.made
	$(PIP) install --editable '.[plot]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.made
	$(PIP) install --editable '.[test]'
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.made
	$(PIP) install --editable '.[docs]'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python docs/demo.py demo

test: lint types unit notebooks
	@echo "make test: all passed"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

unit: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered

notebooks: $(VENV)/.test
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=300 --override-ini=filterwarnings= $(NOTEBOOKS)

docs: $(VENV)/.docs
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -b html docs docs/_build/html

figures: demo
	cp demo/fa.png docs/_static/demo.png
	$(BIN)/python docs/figures.py docs/_static

harmony: pyproject.toml
	$(PYTHON) -m venv $(HARMONY)
	$(HARMONY)/bin/python -m pip --quiet --disable-pip-version-check install --editable '.[harmony]'
	$(HARMONY)/bin/python benchmarks/harmony.py --write docs/howto/compare-with-other-tools.md

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(HARMONY) demo docs/_build docs/notebooks docs/reference/generated .mypy_cache .pytest_cache .ruff_cache .hypothesis
