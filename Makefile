# `make` lists the targets. Needs Python 3.11 or newer; PYTHON=python3.12 chooses another.
PYTHON ?= python3
BIN = .venv/bin
SBOM = sbom.json
INSTALL = $(BIN)/python -m console.server.install
DJADE = $(BIN)/djade --target-version 5.2
AMPX = .venv/ampx
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

# Without bytecode caches, each of the tests' many processes compiles every module again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run run-connected test test-all amplify lint format bench soak screenshots lock sbom
.DEFAULT_GOAL = help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/runtime ## start Branchkeep on 127.0.0.1:8000 (PORT=8001 for another port; Ctrl-C stops it)
	@echo "Starting Branchkeep …"
	@exec $(BIN)/python -m console.server.start

run-connected: .venv/dev ## try a connected console without AWS (PORT=8001 for another port)
	@exec $(BIN)/python -m tests.connected

test: .venv/dev ## check every guarantee, on SQLite and PostgreSQL (one file: .venv/bin/pytest FILE)
	@$(BIN)/python -m tests.fixtures.chromium
	@$(BIN)/python -m tests.fixtures.nginx
	@$(BIN)/python -m tests.run $(TESTS)

test-all: TESTS = --all
test-all: test ## run all tests, including the exhaustive ones

amplify: .venv/dev $(AMPX)/installed.json ## test with Amplify's own clients, which npm installs (needs Node.js)
	AMPX=$(CURDIR)/$(AMPX) $(BIN)/pytest -n 2 tests/amplify

lint: .venv/dev ## check style, types, import layers, templates and the Dockerfile
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	find templates -name '*.html' -exec $(DJADE) --check {} +
	$(BIN)/hadolint Dockerfile

format: .venv/dev ## format code and templates
	$(BIN)/ruff format
	find templates -name '*.html' -exec $(DJADE) {} +

bench: .venv/dev ## run benchmarks
	$(BIN)/python -m tests.soak.bench

soak: .venv/dev ## load and kill replicas, on a fast and a slow store, and race with Amplify: nothing is lost
	$(BIN)/python -m tests.soak.replicas
	$(BIN)/python -m tests.soak.replicas 60 1 4
	$(BIN)/python -m tests.soak.amplify_race

screenshots: .venv/dev ## take the screenshots in docs/images
	@$(BIN)/python -m tests.fixtures.chromium
	$(BIN)/python -m tests.screenshots

lock: .venv/dev ## pin the dependencies of pyproject.toml (UPGRADE=--upgrade for the newest)
	$(COMPILE) $(UPGRADE) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(UPGRADE) --group dev --output-file requirements-dev.lock pyproject.toml

sbom: .venv/dev ## list the packages of requirements.lock in sbom.json (CycloneDX)
	$(BIN)/python -m cyclonedx_py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-file $(SBOM) requirements.lock

# One virtual environment. An empty file in it marks which lock file it was installed from.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Branchkeep needs Python 3.11 or newer. Choose one: make PYTHON=python3.12 run"; exit 1; }
	@echo "Creating a virtual environment in .venv …"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "Python can't create a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }

.venv/runtime: requirements.lock | $(BIN)/pip
	@$(INSTALL) $<
	@touch $@

.venv/dev: requirements-dev.lock | $(BIN)/pip
	@$(INSTALL) $<
	@touch $@

# Amplify's command line. The last line copies npm's list, which marks the installation as complete.
$(AMPX)/installed.json: tests/amplify/ampx/package-lock.json | $(BIN)/pip
	@command -v npm > /dev/null || { echo "Install Node.js 20 or newer, with npm. On Debian: apt-get install npm"; exit 1; }
	@mkdir -p $(AMPX)
	@cp tests/amplify/ampx/package.json tests/amplify/ampx/package-lock.json tests/amplify/ampx/.npmrc $(AMPX)
	@echo "Installing Amplify's command line in $(AMPX) …"
	@cd $(AMPX) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@cp $< $@
