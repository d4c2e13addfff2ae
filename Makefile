# Both commands set up everything they need, in .venv, and are safe to run again.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# antspyx and nilearn settle what SciPy there is: not in the environment of the tests.
HARMONY := $(VENV)-harmony
BENCH := $(VENV)-bench
PUBLISHED := $(VENV)-published
PEERS := polars duckdb flox xarray-spatial SimpleITK nilearn

FUZZ ?= 60

.PHONY: bench fuzz harmony test-oldest help history demo test lint types unit notebooks docs figures format clean

help:
	@echo "make demo    a first result: tutorial data, extraction, table, archive, picture"
	@echo "make test    everything CI runs: lint, types, tests, doctests, notebooks"
	@echo "make docs    the documentation, in docs/_build/html"
	@echo "make figures the figures of the documentation and the README, anew"
	@echo "make bench   how long everything takes, beside its peers: docs/performance.md anew"
	@echo "make history how long it takes, beside how long it took at earlier commits"
	@echo "make harmony what other tools say of one map, against ours; into the page that compares them"
	@echo "make fuzz    a minute of fuzzing each for volumes and label files; FUZZ=600 for ten"
	@echo "make test-oldest  the tests with the oldest dependencies that are supported"
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

$(VENV)/.fuzz: pyproject.toml $(VENV)/.made
	$(PIP) install --editable '.[test,fuzz]'
	@touch $@

# A peer that does not install is said to be so in the table, and the others go on.
$(BENCH)/.made: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --quiet --disable-pip-version-check install --editable '.[plot]' isal
	@for peer in $(PEERS); do \
	  $(BENCH)/bin/python -m pip --quiet --disable-pip-version-check install $$peer \
	    || echo "$$peer does not install"; \
	done
	@touch $@

$(PUBLISHED)/.made:
	$(PYTHON) -m venv $(PUBLISHED)
	-$(PUBLISHED)/bin/python -m pip --quiet --disable-pip-version-check \
	  install qsiparc==0.1.2 parcellate==0.4.2
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

# FUZZ seconds each; what it finds is left in .fuzz, and becomes a test
fuzz: $(VENV)/.fuzz
	@mkdir -p .fuzz/volumes .fuzz/luts
	cd .fuzz && for what in volumes luts; do \
	  $(abspath $(BIN))/python ../fuzz/$$what.py $$what ../tests/corpus/$$what -max_total_time=$(FUZZ) \
	    -max_len=4096 -len_control=0 -timeout=20 -artifact_prefix=$$what- || exit 1; done

# the oldest version of every dependency that pyproject.toml allows, in an environment of its own
test-oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet uv
	.venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python \
	  --resolution lowest-direct --editable '.[test]'
	.venv-oldest/bin/python -m pytest -q -n auto --dist worksteal

docs: $(VENV)/.docs
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -b html docs docs/_build/html

figures: demo
	cp demo/fa.png docs/_static/demo.png
	$(BIN)/python docs/figures.py docs/_static

bench: $(BENCH)/.made $(PUBLISHED)/.made
	$(BENCH)/bin/python benchmarks/bench.py --published $(PUBLISHED)/bin/python

history: $(VENV)/.test
	$(BIN)/python -m pytest benchmarks/history --benchmark-enable --benchmark-autosave \
	  --benchmark-compare --benchmark-group-by=name

harmony: pyproject.toml
	$(PYTHON) -m venv $(HARMONY)
	$(HARMONY)/bin/python -m pip --quiet --disable-pip-version-check install --editable '.[harmony]'
	$(HARMONY)/bin/python benchmarks/harmony.py --write docs/howto/compare-with-other-tools.md

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(HARMONY) $(BENCH) $(PUBLISHED) .benchmarks demo docs/_build docs/notebooks docs/reference/generated .mypy_cache .pytest_cache .ruff_cache .hypothesis
