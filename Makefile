# make search    set up and run the main job;   STUDY=lstm ARGS="--trials 8" pass through
# make test      set up and pass the tests
# make check     lint, format, types, import contracts, then the tests
PYTHON ?= python3
STUDY ?= lstm_dropout
ARGS ?=
BIN := .venv/bin

.PHONY: search test check style slow lock clean

search: .venv/ready
	$(BIN)/python -m search.run --study $(STUDY) $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile

check: style test

style: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

slow: .venv/ready
	$(BIN)/python -m pytest -m slow

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
	'seqsearch needs Python 3.11 to 3.13, but $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12' % sys.version_info[:2])"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Needs uv (pip install uv). The lock holds hashes for Python 3.11 to 3.13 and no registry's address.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --output-file requirements.lock

clean:
	rm -rf .venv
