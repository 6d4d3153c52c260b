# Index of commands. Needs Python >= 3.11 and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test slow lint types docs format clean
.DEFAULT_GOAL := test

# The environment is made again only when what it holds has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("needs Python >= 3.11, found " + sys.version.split()[0] + "; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Fetch a clip, encode, decode, and put both side by side in build/demo.
demo: $(STAMP)
	$(BIN)/python tools/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist loadfile tests benchmarks

# What takes minutes: a compiled training run, long streams, whole trainings in small.
slow: $(STAMP)
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist loadfile -m slow tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# The documentation as a site in build/site; a warning fails. The variable leaves an announcement of the theme out.
docs: $(STAMP)
	$(BIN)/python tools/cli_page.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
