# Every target sets up .venv from nothing with the machine's python3 and the versions pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

# Most of the tests' time goes into compiling: less thorough machine code takes two fifths of it off. `test-all` compiles as users do.
QUICK := --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false

# Debian's names of what the tests on a cluster run: a controller, a node, the commands, and what they trust one another by.
SLURM := slurmctld slurmd slurm-client munge

# The site shows each paper's figures at this size; FIGURES names those to compute if they are not there yet: all, none or
# some, as in FIGURES="raman2021/fig1 alemi2024/fig4b".
GALLERY_SIZE ?= smoke
FIGURES ?= all

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-cluster lint docs gallery bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: .venv/core ## reproduce the main result of the first paper in about a minute
	$(BIN)/plastodyn demo --out out

test: .venv/dev ## the tests, in under ten minutes
	XLA_FLAGS="$$XLA_FLAGS $(QUICK)" $(BIN)/python -m pytest -m "not slow and not cluster" -n 2

test-all: .venv/dev ## all tests, the slow ones included
	$(BIN)/python -m pytest -m "not cluster" -n 2

test-cluster: .venv/dev ## sweeps on a real SLURM of this machine, which is installed if it is missing (Debian; as root)
	@command -v slurmctld slurmd munged >/dev/null && command -v sbatch >/dev/null || { \
		command -v apt-get >/dev/null || { echo "test-cluster needs $(SLURM) on this machine" >&2; exit 2; }; \
		apt-get install -y $(SLURM) || { apt-get update && apt-get install -y $(SLURM); }; }
	$(BIN)/python -m pytest -m cluster tests/cluster

lint: .venv/dev ## style, docstrings and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: gallery ## the site, in docs/_build/html
	rm -rf docs/api
	$(BIN)/sphinx-build -W --keep-going -b html -D gallery_size=$(GALLERY_SIZE) docs docs/_build/html

gallery: .venv/docs ## the figures of the site that are not there yet; about a quarter of an hour for all
	PYTHONPATH=docs $(BIN)/python -m site_parts.figures --size $(GALLERY_SIZE) --out docs/gallery_data $(FIGURES)

bench: .venv/bench ## the engine against NumPy, PyTorch, Numba, diffrax and JAX by hand; attention against attention; sweeps against a process pool
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/flows.py
	$(BIN)/python benchmarks/felt.py
	$(BIN)/python benchmarks/oscillators.py
	$(BIN)/python benchmarks/attention.py
	$(BIN)/python benchmarks/sweeps.py

.venv/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "plastodyn needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/core: .venv/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

.venv/%: .venv/core
	$(PIP) -e '.[$*]'
	touch $@

clean: ## remove the environment and everything generated
	rm -rf .venv out docs/_build docs/api docs/gallery_data .pytest_cache .ruff_cache .hypothesis build dist
