# Needs make, python3 (3.10 to 3.13) with its venv module, and the network once. PYTHON=... picks another interpreter.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
LOCK_FLAGS = -q -c constraints.txt --universal --python-version 3.10 --generate-hashes --no-annotate --custom-compile-command 'make lock' \
    --python $(BIN)/python --no-build-isolation-package chainer

.PHONY: train test install install-locked lock lint parity benchmarks docs

train: install
	$(BIN)/python train.py

# Two processes with one thread each; files stay together, for what they share.
test: install
	TGAN_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .

# All of it on this package's CPU kernels; what is cheap of each layer that computes also on Chainer's own functions, which a GPU runs.
parity: install
	$(BIN)/python -m parity
	$(BIN)/python -m parity --kernels chainer --only forward/small --only 'gradients/small*-b4/*' --only small-svc1-b4 \
	    --only metrics/c3d --only oracle/forward --only oracle/clipping

# A smoke run: small networks, few repetitions. docs/benchmarks.md has the real ones.
benchmarks: install
	$(BIN)/python -m benchmarks --quick

# Guides and API reference: build/docs/index.html. Needs Python 3.11 or newer.
docs: install
	$(BIN)/python -m pip install -c $(CONSTRAINTS) -e ".[docs]" --no-build-isolation
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs

install: $(STAMP)

# Chainer's setup.py imports pkg_resources, which pip's isolated builds no longer have: so setuptools<81 first, and no isolation.
$(STAMP): setup.py pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c $(CONSTRAINTS) setuptools wheel
	$(BIN)/python -m pip install --no-build-isolation -c $(CONSTRAINTS) -e ".[test]"
	touch $@

# The same, of the files whose hashes are in locks/ and no others.
install-locked:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --require-hashes -r locks/build.txt
	$(BIN)/python -m pip install --require-hashes --no-build-isolation -r locks/test.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	touch $(STAMP)

# Write locks/ anew from constraints.txt; needs uv (pip install uv) on the PATH.
lock: install
	printf 'setuptools\nwheel\n' | uv pip compile - $(LOCK_FLAGS) -o locks/build.txt
	uv pip compile setup.py --extra test $(LOCK_FLAGS) -o locks/test.txt
