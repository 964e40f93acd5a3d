# make demo         see it work               make check   style, types, layers
# make test         the tests                 make bench   the measurements
# make demo-kafka   the same on Kafka         make chaos   kill processes, count what is lost (KILLS=200)
#
# make test leaves out the slow tests (kills, large inputs; minutes) unless LIMEN_REQUIRE=all asks for
# everything; make test-slow runs only those.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made

.PHONY: demo demo-kafka test test-slow check format bench chaos clean

demo: $(STAMP)
	$(BIN)/limen demo

demo-kafka: $(STAMP)
	$(BIN)/limen demo-kafka

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal $(if $(LIMEN_REQUIRE),,-m "not slow")

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow

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

KILLS ?= 200
SIGNALS ?= 2000000

chaos: $(STAMP)
	@$(BIN)/python -m tests.chaos --kills $(KILLS) --signals $(SIGNALS)

clean:
	rm -rf $(VENV) demo-home demo-kafka-home

# Made once, and again when what is needed changes. --group needs pip 25.1.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group dev
	touch $@
