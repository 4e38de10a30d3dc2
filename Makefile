# Everything a contributor runs, on a machine that has only Python 3.11+, make and a network: each target first installs what
# it needs into .venv, and again whenever pyproject.toml has changed.
#
#   make demo                       make test ARGS="-k etag -x"         make test PYTHON=python3.13

# Left empty, the first of these that is new enough is taken.
PYTHON ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

# The targets share one environment, and two pips must not write to it at once.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint docs bench matrix clean

help: ## this list
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-demo ## serve an example application and show what perfkit changes
	@$(BIN)/perfkit demo $(ARGS)

# The coverage floor is a property of the whole suite; a part of it, picked with ARGS, runs without. PERFKIT_SOAK=full runs
# the soak tests in full.
test: $(VENV)/.installed-test ## run the test suite with its coverage floor, or a part of it: ARGS="-k etag"
	@$(BIN)/python -m pytest --numprocesses auto $(if $(strip $(ARGS)),$(ARGS),--cov)

lint: $(VENV)/.installed-lint ## check style, types and who may import whom
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --diff
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

# Material warns about the coming MkDocs 2, which pyproject.toml rules out.
docs: $(VENV)/.installed-docs ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict --clean
	@echo "Documentation: site/index.html"

bench: $(VENV)/.installed-bench ## measure perfkit beside the packages it replaces, and write docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(or $(strip $(ARGS)),--svg docs/benchmarks.svg --markdown docs/benchmarks.md)

matrix: $(VENV)/.installed-matrix ## run the tests on every supported Python that this machine has
	@$(BIN)/nox $(ARGS)

clean: ## remove the environment and everything generated
	rm -rf $(VENV) .nox .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist htmlcov site
	find benchmarks docs examples integrations src tests -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.installed-%: pyproject.toml $(VENV)/pyvenv.cfg
	@echo "Installing perfkit[$*] into $(VENV) ..."
	@$(PIP) --editable '.[$*]'
	@touch $@

# Made once: only `make clean` removes it, so a changed PYTHON takes effect after that.
$(VENV)/pyvenv.cfg:
	@for candidate in $(or $(strip $(PYTHON)),python3 python3.13 python3.12 python3.11); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	    echo "perfkit needs Python 3.11 or newer, and found none as: $(or $(strip $(PYTHON)),python3 python3.13 python3.12 python3.11)." >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	if ! "$$python" -m venv $(VENV); then \
	    rm -rf $(VENV); \
	    version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$python could not make a virtual environment. On Debian and Ubuntu install the package python$$version-venv." >&2; \
	    exit 1; \
	fi
