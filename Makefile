# The first Python on the PATH that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
SOURCES := audiocli tests samples scripts

.PHONY: help demo test check format caps-data bench bench-serve docs picture lock locked release clean
.DEFAULT_GOAL := help

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/local ## Ask the embedded model a question, and hear its answer
	@$(BIN)/python scripts/demo.py

test: .venv/dev ## Run all the tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: .venv/dev ## Format, lint, types, layers
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

format: .venv/dev ## Put the source into its form
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

caps-data: .venv/dev ## Build the table of models; LITELLM=... MODELS_DEV=... name newer maps
	$(BIN)/python scripts/build_capabilities.py $(if $(LITELLM),$(LITELLM) $(MODELS_DEV))

bench: .venv/dev ## Measure start-up, memory and speed, as ratios
	$(BIN)/python -m tests.bench

bench-serve: .venv/dev ## Measure the gateway, beside nginx and other proxies on the PATH
	$(BIN)/python -m tests.bench.gateway

docs: .venv/docs ## Build the site into dist/site; a broken link is an error
	$(BIN)/zensical build --strict

picture: .venv/dev ## Draw the picture of a terminal that is in the README
	$(BIN)/python scripts/picture.py

lock: ## Write requirements.lock anew; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --no-annotate \
		--generate-hashes --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

locked: .venv/python ## Install exactly what requirements.lock lists, by its hashes
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch .venv/dev

release: .venv/dev ## Build and check a release in dist/, and print its notes; uploads nothing
	$(BIN)/python scripts/release.py

clean: ## Remove what these commands have made
	rm -rf .venv .cache dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dog.wav

.venv/python:
	@test -n "$(PYTHON)" || { echo "audiocli needs Python 3.11 or newer: install it, or run make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module does not work here: on Debian, apt install python3-venv" >&2; exit 1; }
	@touch $@

.venv/local: .venv/python pyproject.toml
	@test -e .venv/dev || $(BIN)/python scripts/install.py all
	@touch $@

.venv/dev: .venv/python pyproject.toml
	@$(BIN)/python scripts/install.py dev
	@touch $@

.venv/docs: .venv/dev
	@$(BIN)/python scripts/install.py docs
	@touch $@
