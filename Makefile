# Needs make, python3 (3.10 to 3.13) with its venv module, and the network once. PYTHON=... picks another interpreter.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: train test install lint parity benchmarks

train: install
	$(BIN)/python train.py

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .

parity: install
	$(BIN)/python -m parity

# A smoke run: small networks, few repetitions. docs/benchmarks.md has the real ones.
benchmarks: install
	$(BIN)/python -m benchmarks --quick

install: $(STAMP)

# Chainer's setup.py imports pkg_resources, which pip's isolated builds no longer have: so setuptools<81 first, and no isolation.
$(STAMP): setup.py pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c $(CONSTRAINTS) setuptools wheel
	$(BIN)/python -m pip install --no-build-isolation -c $(CONSTRAINTS) -e ".[test]"
	touch $@
