# make demo    see it work          make check   style, types, layers
# make test    the tests            make bench   the measurements
#
# make test leaves out the slow tests (kills, large inputs; minutes) unless LIMEN_REQUIRE=all asks for
# everything; make test-slow runs only those.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made

.PHONY: demo test test-slow check format bench clean

demo: $(STAMP)
	$(BIN)/limen demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto $(if $(LIMEN_REQUIRE),,-m "not slow")

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n auto -m slow

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) demo-home

# Made once, and again when what is needed changes. --group needs pip 25.1.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group dev
	touch $@
