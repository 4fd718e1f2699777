# From a fresh machine with Python 3.11-3.13, git and make:
#   make evolve     sets up .venv and evolves configs/digits.yaml on a local Ray
#   make test       the same set-up, then the linters and the fast tests
#   make test-all   the same, then the tests that start Ray, processes or a browser, or that are slow
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# constraints.txt pins every package; torch goes in first, so that nothing else chooses its build
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# every process that a test starts would compile all modules again
unexport PYTHONDONTWRITEBYTECODE

REST := ray or process or browser or slow
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal

.PHONY: evolve test test-rest test-all lint mutants setup

evolve: $(READY)
	$(BIN)/instinct evolve configs/digits.yaml

test: $(READY) lint
	$(PYTEST) -m "not ($(REST))"

# what `make test` leaves out, and only that: nothing runs twice in `make test-all`
test-rest: $(READY)
	$(PYTEST) -m "$(REST)"

test-all: test
	$(MAKE) test-rest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry genomes inner_loop evo
	$(BIN)/deptry --ignore DEP004 . benchmarks reproductions  # which may import what only dev extras have

# which small mistakes in the modules that every claim rests on no test notices; writes docs/mutants.md, takes an hour
mutants: $(READY)
	$(BIN)/python -m scripts.mutants

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) --editable '.[dev]'
	touch $(READY)
