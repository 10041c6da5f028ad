# Everything one does with this repository. `make` alone lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# a stamp says which locked requirements the environment has
BASE := $(VENV)/.base-installed
DEV := $(VENV)/.dev-installed
FUZZ := $(VENV)/.fuzz-installed
# other people's clients of the exchanges have an environment of their own
CONFORMANCE := var/conformance
PIP_INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes
ARGS ?=

.PHONY: help setup demo up test test-long test-conformance check bench fmt lock browsers mutants

help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(DEV) ## Make the virtual environment, with what developing needs

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	@$(PYTHON) -m venv $(VENV) >&2

$(BASE): requirements/base.txt | $(RUN)
	@echo "Installing what the system runs on (once) ..." >&2
	@$(PIP_INSTALL) -r requirements/base.txt >&2
	@touch $@

$(DEV): requirements/dev.txt | $(RUN)
	@echo "Installing what developing needs (once) ..." >&2
	@$(PIP_INSTALL) -r requirements/dev.txt >&2
	@touch $(BASE) $@

# there are wheels for Linux alone; without it that test is skipped
$(FUZZ): requirements/fuzz.txt | $(DEV)
	@$(PIP_INSTALL) -r requirements/fuzz.txt >&2 || echo "No atheris for this platform: no fuzzing." >&2
	@touch $@

demo: $(BASE) ## Everything at once, against a simulated exchange (ARGS="--seconds 60 --json --seed 7")
	@$(RUN) manage.py demo $(ARGS)

up: $(BASE) ## All processes, for real accounts (configure in .env first)
	@$(RUN) manage.py up $(ARGS)

test: $(DEV) ## The whole suite, on servers of its own (ARGS="-k name")
	@$(RUN) -m pytest $(ARGS)

test-long: $(DEV) $(FUZZ) ## The sweeps of minutes: every crash point by SIGKILL, hundreds of seeds, fuzzing
	@$(RUN) -m pytest -m long --verbose $(ARGS)

$(CONFORMANCE)/.installed: requirements/conformance.txt
	@echo "Installing other people's clients (once) ..." >&2
	@mkdir -p var && $(PYTHON) -m venv $(CONFORMANCE) >&2
	@$(CONFORMANCE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< >&2
	@touch $@

test-conformance: $(CONFORMANCE)/.installed ## Other people's clients of the exchanges against the simulator
	@$(CONFORMANCE)/bin/python -m pytest -c tests/conformance/pytest.ini tests/conformance $(ARGS)

check: export GENERATE_SECRETS = on
check: export ENV_FILE = /dev/null
check: $(DEV) ## What has to be true before a commit: style, types, layers, migrations, API document
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) manage.py check --deploy --fail-level WARNING
	@$(RUN) manage.py makemigrations --check --dry-run
	@$(RUN) manage.py spectacular --validate --fail-on-warn | diff docs/openapi.yaml - \
		|| { echo "docs/openapi.yaml is not what the API is now: make fmt" >&2; exit 1; }

bench: $(BASE) ## Measure against the machine's own limits (ARGS=--json)
	@$(RUN) -m bench $(ARGS)

fmt: export GENERATE_SECRETS = on
fmt: $(DEV) ## Bring code and the API document into form
	@$(VENV)/bin/ruff check --fix --quiet .
	@$(VENV)/bin/ruff format --quiet .
	@$(RUN) manage.py spectacular --validate --file docs/openapi.yaml

lock: $(DEV) ## Compile requirements/*.in to pinned and hashed .txt
	@for name in base dev fuzz conformance; do $(VENV)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url \
		--python-version 3.11 requirements/$$name.in -o requirements/$$name.txt; done

mutants: $(DEV) ## Break the domain in each small way: does a test notice? (ARGS="--max-children 4")
	@rm -rf mutants
	@nice -n 15 $(VENV)/bin/mutmut run $(or $(ARGS),--max-children 1) >&2
	@$(VENV)/bin/mutmut export-cicd-stats >&2
	@$(VENV)/bin/mutmut results
	@$(RUN) -m tests.mutation

browsers: ## Install a browser for the tests in tests/browser, where none is
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq >&2 && \
			apt-get install --yes -qq --no-install-recommends chromium >&2; \
		else echo "As root: apt-get install chromium (without it the browser tests are skipped)" >&2; fi
