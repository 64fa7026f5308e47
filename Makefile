# Triagedesk: `make help` lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Every process would compile the whole product again.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
RUN_VENV := .venv-run
RUN_READY := $(RUN_VENV)/.ready
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# One process more than cores: many tests wait for other processes.
JOBS ?= $(shell echo $$(( ($(CORES) > 2 ? $(CORES) : 2) + 1 )))
NOT_QUICK := soak or browser or crash or model or process or slow
FOLDERS ?= tests/architecture tests/unit tests/services $(wildcard tests/web/test_*.py)
HOST ?= 127.0.0.1
PORT ?= 8000

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

INSTALL := pip install --quiet --disable-pip-version-check
# One library comes as sources only; it is built with the pinned tools that are installed already.
FROM_WHEELS := --only-binary :all: --no-binary crontab --no-build-isolation

# Python 3.11 or newer in a virtual environment, $(1).
define make_venv
	@for python in "$(PYTHON)" python3.13 python3.12 python3.11 python3; do \
	  [ -n "$$python" ] && command -v "$$python" >/dev/null || continue; \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { missing=$$python; continue; }; \
	  found=$$python; break; \
	done; \
	if [ -x $(1)/bin/python ]; then :; \
	elif [ -n "$$found" ]; then echo "Creating $(1) with $$found"; "$$found" -m venv $(1); \
	elif [ -n "$$missing" ]; then \
	  echo "$$missing cannot make virtual environments: install its package python3-venv." >&2; exit 1; \
	else \
	  echo "Python 3.11 or newer was not found. Install it, or say: make $@ PYTHON=/path/to/python3" >&2; exit 1; \
	fi
endef

.PHONY: setup
setup: $(READY) ## Install everything into .venv (Python 3.11 or newer)

$(READY): pyproject.toml constraints.txt build-requirements.txt
	$(call make_venv,$(VENV))
	@$(PY) -m $(INSTALL) --require-hashes -r build-requirements.txt
	@$(PY) -m $(INSTALL) --require-hashes $(FROM_WHEELS) -r constraints.txt
	@$(PY) -m $(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(READY)

# What runs is what an installation has: no tool of development.
$(RUN_READY): requirements.txt build-requirements.txt
	$(call make_venv,$(RUN_VENV))
	@$(RUN_VENV)/bin/python -m $(INSTALL) --require-hashes -r build-requirements.txt
	@$(RUN_VENV)/bin/python -m $(INSTALL) --require-hashes $(FROM_WHEELS) -r requirements.txt
	@pwd > $$($(RUN_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/triagedesk.pth
	@touch $(RUN_READY)

.PHONY: demo
demo: $(RUN_READY) ## Run it all with a simulated Huntress account (in ./demo-data, anew each time)
	@exec $(RUN_VENV)/bin/python -m webapp up --demo --port $(PORT)

.PHONY: run
run: $(RUN_READY) ## Run it all for real (in ./data)
	@exec $(RUN_VENV)/bin/python -m webapp up --host $(HOST) --port $(PORT)

.PHONY: test
test: lint ## Linters, types and all tests but the long ones
	@$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

.PHONY: quick
quick: $(READY) ## A minute: rules, services, what holds for all pages (or FOLDERS=tests/web/tickets)
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -q -m 'not ($(NOT_QUICK))' \
	  --hypothesis-profile quick $(FOLDERS) $(ARGS)

.PHONY: soak
soak: $(READY) ## The long tests
	@$(PY) -m pytest -m 'soak and alone' $(ARGS) || [ $$? = 5 ]  # 5: none of them was asked for
	@$(PY) -m pytest -m 'soak and not alone' -n $(CORES) --dist worksteal $(ARGS)

.PHONY: lint
lint: $(READY) ## Style, formatting and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

.PHONY: format
format: $(READY) ## Format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: bench
bench: $(READY) ## What the README's figures come from
	@$(PY) -m bench $(ARGS)

.PHONY: matrix
matrix: $(READY) ## Who may do what: docs/authorization.md, from the code
	@$(PY) -m tools.authorization_matrix docs/authorization.md

.PHONY: screenshots
screenshots: $(READY) ## Pictures: docs/images, and every page and state in ./screenshots (needs Chromium)
	@$(PY) -m tests.browser.screenshots docs/images
	@$(PY) -m tests.browser.screenshots --all screenshots

# What has to be covered whole: rules, and the cycle. `tests/project` wants a reason for each exception.
COVERED := webapp/domain/*,webapp/services/polling/*,webapp/services/schedule/*

.PHONY: coverage
coverage: $(READY) ## Branches that the tests cover; fails where domain or polling is not covered whole
	@mkdir -p .coverage && rm -f .coverage/*
	@$(PY) -m pytest -n $(JOBS) --cov --cov-report= tests/unit tests/services tests/web tests/cli $(ARGS)
	@$(PY) -m coverage report
	@$(PY) -m coverage report --include='$(COVERED)' --fail-under=100

.PHONY: dist
dist: $(READY) ## Build the wheel and the sdist into ./dist
	@$(PY) -m build --sdist --wheel --no-isolation

.PHONY: sbom
sbom: $(READY) ## List what is installed with Triagedesk: dist/sbom.json (CycloneDX)
	@$(PY) -m tools.sbom dist/sbom.json

# What is pinned stays so while it fits: `make constraints ARGS=--upgrade` takes newer versions.
PIN := $(VENV)/bin/uv pip compile --universal --generate-hashes --no-annotate \
  --no-emit-index-url --python-version 3.11 --custom-compile-command 'make constraints' --quiet

.PHONY: constraints
constraints: $(READY) ## Write versions and checksums: constraints.txt, requirements.txt and of what builds
	@$(PIN) pyproject.toml $(ARGS) --group dev --output-file constraints.txt >/dev/null
	@$(PIN) pyproject.toml --constraints constraints.txt --output-file requirements.txt >/dev/null
	@$(PIN) --group pyproject.toml:build $(ARGS) --constraints constraints.txt \
	  --output-file build-requirements.txt >/dev/null
