# Every command with a line of help. All paths are relative, so the checkout may lie in any folder.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# With a complete lock there is nothing to resolve: --no-deps, and each file is checked against its hash.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: help demo dev test check bench bench-dns bench-imap bench-inbound bench-plan bench-send fuzz prove clean install lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/.local ## install, start everything, live one business day, print a summary
	@$(BIN)/outreach demo

dev: .venv/.local ## Dagster UI on port 3000 over the same database, until Ctrl-C
	@exec $(BIN)/outreach up

test: .venv/.dev ## the whole test suite
	$(BIN)/python -m pytest

check: .venv/.dev ## format, lint, types, import contracts, Dagster definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p .venv/dagster_home  # an instance of its own: validation needs no database
	DAGSTER_HOME="$$PWD/.venv/dagster_home" $(BIN)/dagster definitions validate -w workspace.yaml

bench: .venv/.dev ## measure what is claimed, beside its peers
	@for file in bench/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-send: .venv/.dev .venv-bench/.installed ## what a message costs, beside Procrastinate and django-post-office
	@$(BIN)/python bench/bench_send.py

bench-dns: .venv/.dev .venv-bench/.installed ## what an audit of a domain costs against nsd, beside checkdmarc
	@$(BIN)/python bench/bench_dns.py

bench-inbound: .venv/.dev .venv-bench/.installed ## what reading mail costs and how often it is right, beside flufl.bounce and talon
	@$(BIN)/python bench/bench_inbound.py

bench-imap: .venv/.dev ## 1,200 mailboxes on Dovecot, with news and without
	@$(BIN)/python bench/bench_imap.py

bench-plan: .venv/.dev ## how planning grows from 1,000 to 600,000 candidates, with a plot in var/
	@nice $(BIN)/python bench/bench_plan.py --growth --tenants 4

prove: .venv/.dev ## the send protocol's proofs at full size
	@mkdir -p var
	$(BIN)/outreach prove --schedules 1000000 --postgres 5000 --kills 1000 --parts var/prove-parts.jsonl --json
	@rm -f var/prove-parts.jsonl  # it was for going on after an end in between; the next call lives everything anew
	$(BIN)/python -m pytest tests/simulation tests/conformance tests/postgres/test_claims.py tests/postgres/test_send_protocol.py tests/postgres/test_outcomes.py tests/property tests/crash

fuzz: .venv-fuzz/.installed ## ten minutes of coverage-guided fuzzing of what reads mail
	@.venv-fuzz/bin/python fuzz/fuzz_inbound.py --seconds 600

install: .venv/.dev ## install what development needs

clean: ## forget data, environment and caches
	@if [ -x $(BIN)/outreach ]; then $(BIN)/outreach clean; fi
	rm -rf var .venv .venv-bench .venv-fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache logs .logs_queue .nux .dagster

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("outreach needs Python 3.11 or newer, and %s is %s" % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/.local: requirements.lock pyproject.toml | .venv/bin/python
	@[ -e .venv/.dev ] || $(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@$(PIP_INSTALL) --no-build-isolation -e .
	@touch $@

# The peers have an environment of their own, so that they cannot disturb ours.
.venv-bench/.installed: requirements-bench.lock
	$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

# Atheris comes without wheels for some machines: without it `fuzz/fuzz_inbound.py` still runs, unguided.
.venv-fuzz/.installed: requirements-fuzz.lock
	$(PYTHON) -m venv .venv-fuzz
	@.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-fuzz.lock
	@touch $@

lock: ## write the lock files anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --extra local pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate bench/peers/requirements.in -o requirements-bench.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate fuzz/requirements.in -o requirements-fuzz.lock
