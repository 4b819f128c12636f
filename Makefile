# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv by themselves.

PYTHON ?= python3
BIN := .venv/bin
RESULTS ?= results
PYTEST ?= --numprocesses logical --maxprocesses 8 --dist worksteal
export PYTHONUNBUFFERED := 1

.PHONY: demo picture test test-slow test-gpu check ui bench clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

demo: .venv/installed  ## search dcgan and gan on digits, in about three minutes
	$(BIN)/gansearch run search_spaces/quickstart.yaml --results $(RESULTS)

picture: .venv/installed  ## README's picture of the front, from a demo in a folder of its own
	$(BIN)/python benchmarks/demo_front.py

ui: .venv/installed  ## MLflow's pages over the demo's results, on loopback
	$(BIN)/gansearch ui --results $(RESULTS)

check: .venv/installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: .venv/installed  ## everything that is quick
	$(BIN)/pytest $(PYTEST)

test-slow: .venv/installed  ## learning, faults, servers and browsers
	$(BIN)/pytest $(PYTEST) -m 'slow and not alone'
	$(BIN)/pytest -m alone

test-gpu: .venv/installed  ## what needs a GPU; skipped elsewhere
	$(BIN)/pytest -m gpu

bench: .venv/installed  ## side-by-side measurements; rewrites benchmarks/results
	$(BIN)/python benchmarks/driver_overhead.py
	$(BIN)/python benchmarks/tracking_throughput.py
	$(BIN)/python benchmarks/dsc_blocks.py
	$(BIN)/python benchmarks/memory_prediction.py
	$(BIN)/python benchmarks/fid_time.py
	$(BIN)/python benchmarks/step_options.py

clean:  ## forget the environment and the caches, keep the results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
