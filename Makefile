# The verbs that people use and the verbs that CI uses are the same ones; `make` alone lists them.
# Set-up is automatic: a verb that needs the environment makes it, or renews it when the lock has changed.

VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
LOCK ?= requirements.lock
BENCH := $(VENV)-bench
COMPILED := $(VENV)-compiled
NODE := tests/schema/node_modules
PUPPETEER := tests/page/firefox/node_modules
UV_VENV := .uv
UV := $(UV_VENV)/bin/uv
CODE := $(wildcard chatcore transports cli tests benchmarks docs/man.py docs/picture.py docs/reference.py docs/screenshots.py hatch_build.py)
PIP := pip --disable-pip-version-check --no-input -qq
ARGS ?=
ROUNDS ?= 500
SEEDS ?= 5000
MAN ?= build/man

# Tests start some hundred processes, each of which would compile every module again without bytecode.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= auto
# A file of tests stays in one process, and the longest begin: tests/conftest.py has their order.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
CORE_TESTS := tests/server tests/client tests/wire tests/test_names.py tests/test_limits.py tests/test_address.py
# Files among these that take long, or have many combinations; `make test` runs them too.
CORE_SLOW := allowances backpressure contract cost every_frame gate hostile_json identities identities_in_rooms \
	identity_races inflow join_places law matrix no_gaps page_walks plain_login presence resume reviews \
	room_list roundtrip shut_out slow_users turns two_steps waiting

# An environment whose name ends in -compiled has the compiled build, as a wheel: an editable one would leave files
# beside the sources, which hide later edits. A path that comes last leads to the tests, so they test the wheel.
ifneq ($(filter %-compiled,$(VENV)),)
INSTALL := --force-reinstall .
LEAD_TO_TESTS = echo $(CURDIR) >"$$($(BIN)/python -c 'import sysconfig as s; print(s.get_path("purelib"))')/tests.pth"
SOURCES := $(sort hatch_build.py $(shell find chatcore transports cli -name '*.py'))
PYTEST += -o pythonpath=
export HATCH_BUILD_HOOKS_ENABLE := 1
export PYTHONSAFEPATH := 1
export ROWS := compiled
else
INSTALL := -e .
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory --no-builtin-rules

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Pass more with ARGS, as in: make test ARGS='-k wheel'. Another Python: make test PYTHON=python3.13 VENV=.venv313"

.PHONY: run
run: $(STAMP) ## start the chat server
	@echo "When it listens, open its http:// address in a browser, or talk to it from another terminal: make client"
	@exec $(BIN)/chat server $(ARGS)

.PHONY: client
client: $(STAMP) ## talk to the chat server; ARGS='--nick grace' for another nick
	@exec $(BIN)/chat client $(ARGS)

.PHONY: test
test: $(STAMP) system $(NODE) ## run the test suite, in several processes; WORKERS=0 for one
	@$(PYTEST) $(ARGS)

.PHONY: test-core
test-core: $(STAMP) ## run the quick tests of the core alone, in two seconds
	@$(BIN)/python -m pytest -o faulthandler_timeout=0 $(CORE_TESTS) \
		$(CORE_SLOW:%=--ignore-glob='*/test_%.py') $(ARGS)

.PHONY: compiled
compiled: headers ## build with mypyc, into an environment of its own: .venv-compiled/bin/chat
	@$(MAKE) VENV=$(COMPILED) setup

.PHONY: test-compiled
test-compiled: compiled ## run the core, the contracts and the simulation on the compiled build
	@$(MAKE) VENV=$(COMPILED) test

.PHONY: test-all
test-all: $(STAMP) system firefox $(NODE) ## run every combination of tests/rows.py, long fuzzers and storms, thousands of seeds
	@ROWS=all HYPOTHESIS_PROFILE=thorough $(PYTEST) -o faulthandler_timeout=300 $(ARGS)
	@$(MAKE) simulate SEEDS=2000 ARGS=1000

# Each of them uses one core.
SIMULATIONS := simulate-core simulate-shared simulate-system simulate-browsers
.PHONY: simulate $(SIMULATIONS)
simulate: $(STAMP) ## run the simulations over SEEDS seeds; ARGS=4711 begins there
	@$(MAKE) -j 2 $(if $(filter output-sync,$(.FEATURES)),-O) $(SIMULATIONS)

simulate-core: $(STAMP)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

simulate-shared: $(STAMP)
	@$(BIN)/python -m tests.simulation --shared --seeds $$(( $(SEEDS) / 10 )) $(ARGS)

simulate-system: $(STAMP)
	@$(BIN)/python -m tests.system --seeds $(SEEDS) $(ARGS)

simulate-browsers: $(STAMP)
	@$(BIN)/python -m tests.system --browsers --seeds $(SEEDS) $(ARGS)

.PHONY: kill
kill: $(STAMP) system ## kill servers, cut their power, and break a cluster, ROUNDS times; SEED=4711 for the same again
	@ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/faults/test_kill.py tests/faults/test_power.py $(ARGS)
	@$(BIN)/python -m tests.faults.cluster --rounds $(ROUNDS) $(SEED:%=--seed %)

.PHONY: check
check: $(STAMP) ## lint, formatting, types on each Python, and the floors
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "formatting differs; run: make format"; exit 1; }
	@for version in 3.11 3.12 3.13; do \
		$(BIN)/mypy --no-error-summary --python-version $$version $(CODE) || { echo "(types on Python $$version)"; exit 1; }; done
	@$(BIN)/lint-imports --no-logo >$(VENV)/floors.log 2>&1 || { cat $(VENV)/floors.log; exit 1; }
	@echo "check: lint, formatting, types and floors are in order"

.PHONY: format
format: $(STAMP) ## format the code, and fix what can be fixed safely
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet

.PHONY: picture
picture: $(STAMP) ## draw docs/conversation.svg again: a real client, as it looks
	@$(BIN)/python -m docs.picture

.PHONY: screenshots
screenshots: $(STAMP) system ## take the pictures of the page again: docs/page-*.png, in a real browser
	@missing=; \
	command -v pngquant >/dev/null || missing="$$missing pngquant"; \
	fc-list | grep -q /Inter- || missing="$$missing fonts-inter"; \
	$(call INSTALL_MISSING,which the pictures need)
	@$(BIN)/python -m docs.screenshots

.PHONY: schema
schema: $(STAMP) $(NODE) ## write docs/protocol.schema.json, and the types that a generator makes of it
	@$(BIN)/chat schema >$(VENV)/schema.json
	@mv $(VENV)/schema.json docs/protocol.schema.json
	@$(NODE)/.bin/json2ts --no-additionalProperties -i docs/protocol.schema.json -o docs/protocol.d.ts

.PHONY: reference
reference: $(STAMP) ## build the API reference from the docstrings, in build/reference
	@$(BIN)/python -m docs.reference build/reference
	@echo "reference: build/reference/index.html"

.PHONY: man
man: $(STAMP) ## generate the man pages from --help; read one with: man -M build/man chat-server
	@missing=; command -v help2man >/dev/null || missing=" help2man"; \
	$(call INSTALL_MISSING,which makes the pages)
	@$(BIN)/python -m docs.man $(MAN)/man1 $(ARGS)
	@echo "man: $(MAN)/man1/chat.1 and a page for each command"

.PHONY: bench
bench: $(BENCH) compiled ## measure everything, in fifteen minutes, for docs/performance.md; ARGS='flood idle' for a part of it
	@$(BENCH)/bin/python -m benchmarks $(ARGS)

.PHONY: bench-micro
bench-micro: $(BENCH) ## measure the parts of the core by themselves; ARGS='-k encode' for some
	@$(BENCH)/bin/python -m pytest benchmarks/test_*.py --benchmark-columns=min,median,iqr,ops $(ARGS)

.PHONY: $(BENCH)
$(BENCH):
	@$(MAKE) -s VENV=$(BENCH) LOCK=benchmarks/requirements.lock setup

.PHONY: lock
lock: $(UV) ## renew both requirements.lock from pyproject.toml; ARGS=--upgrade for newer versions
	@compile="$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra fast"; \
	$$compile --custom-compile-command "make lock" --group dev pyproject.toml -o requirements.lock $(ARGS) && \
	$$compile --custom-compile-command "make lock" --group bench -c requirements.lock pyproject.toml \
		-o benchmarks/requirements.lock $(ARGS)

.PHONY: setup
setup: $(STAMP) ## make the environment, and do nothing else

define INSTALL_MISSING
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	install() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; }; \
	if command -v apt-get && { install || { $$sudo apt-get update && install; }; }; then \
		[ -z "$$proxies" ] || $$sudo systemctl disable --now $$proxies; exit 0; fi \
		>/dev/null 2>&1 </dev/null; \
	echo "cannot install$$missing, $(1)" >&2; [ "$$CI" != true ]
endef

.PHONY: system
system: ## install what some tests need, such as nc, gcc, Chromium, nginx and Caddy, if it is missing
	@missing=; proxies=; \
	command -v nc >/dev/null || missing="$$missing netcat-openbsd"; \
	command -v telnet >/dev/null || missing="$$missing telnet"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v systemd-socket-activate >/dev/null || missing="$$missing systemd"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	echo '#include <openssl/ssl.h>' | gcc -fsyntax-only -xc - 2>/dev/null || missing="$$missing libssl-dev"; \
	command -v help2man >/dev/null || missing="$$missing help2man"; \
	command -v mandoc >/dev/null || missing="$$missing mandoc"; \
	command -v chromium >/dev/null || missing="$$missing chromium chromium-headless-shell fonts-dejavu-core"; \
	for proxy in nginx caddy; do PATH="$$PATH:/usr/sbin" command -v $$proxy >/dev/null || proxies="$$proxies $$proxy"; done; \
	missing="$$missing$$proxies"; \
	$(call INSTALL_MISSING,which the tests need; those will be skipped)

.PHONY: headers
headers: ## install gcc and Python's headers if they are missing; the compiled build needs them
	@missing=; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	echo '#include <openssl/ssl.h>' | gcc -fsyntax-only -xc - 2>/dev/null || missing="$$missing libssl-dev"; \
	$(PYTHON) -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' 2>/dev/null || \
		missing="$$missing $$($(PYTHON) -c 'import sys; print("python3.%d-dev" % sys.version_info[1])')"; \
	$(call INSTALL_MISSING,which the compiled build needs)

.PHONY: firefox
firefox: $(PUPPETEER) ## install Firefox, and what drives it; one scene of test-all needs them
	@missing=; \
	command -v firefox-esr >/dev/null || command -v firefox >/dev/null || missing=" firefox-esr"; \
	$(call INSTALL_MISSING,in which one scene runs; it will be skipped)

# A file of npm's own, which it writes last, says whether these packages are the ones of the lock.
.PHONY: $(NODE) $(PUPPETEER)
$(NODE) $(PUPPETEER):
	@if [ $@/.package-lock.json -nt $(@D)/package-lock.json ]; then exit 0; fi; \
	if command -v npm && npm ci --prefix $(@D); then touch $@/.package-lock.json; exit 0; fi \
		>/dev/null 2>&1 </dev/null; \
	if [ "$$CI" = true ]; then echo "cannot install by npm what the tests in $(@D) need" >&2; exit 1; fi; \
	echo "cannot install by npm; some tests in $(@D) will be skipped"

.PHONY: clean
clean: ## remove the environment and everything that was made
	@rm -rf $(VENV) $(BENCH) $(COMPILED) $(UV_VENV) $(NODE) $(PUPPETEER) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -maxdepth 1 -name '*__mypyc.*' -delete
	@find chatcore transports cli \( -name '*.so' -o -name '*.pyd' \) -delete

# The stamp lists the sources of a build, so that one which has gone is noticed too.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(SOURCES))
.PHONY: $(STAMP)
endif
$(STAMP): $(LOCK) pyproject.toml $(SOURCES)
	@[ -n "$(PYTHON)" ] || { echo "chatcore needs Python 3.11 or newer on PATH, or: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make an environment; on Debian:" \
		"apt-get install $$($(PYTHON) -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')" >&2; exit 1; }
	@[ -x $(BIN)/python ] && $(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m $(PIP) install --require-hashes -r $(LOCK)
	@$(BIN)/python -m $(PIP) install --no-deps --no-build-isolation $(INSTALL)
	@$(LEAD_TO_TESTS)
	@echo $(SOURCES) >$@

$(UV):
	@$(PYTHON) -m venv $(UV_VENV)
	@$(UV_VENV)/bin/python -m $(PIP) install uv
