# The two commands of the README are `make demo` and `make test`. Each does its own set-up.
.PHONY: demo test check setup lock clean

BIN := .venv/bin
# Two processes, each with servers of its own: the tests wait more than they work. Servers that are given are for one alone.
SIDE_BY_SIDE := $(if $(CHAKONG_KAFKA)$(CHAKONG_REDIS),,-n 2 --dist loadfile)

demo: setup
	@$(BIN)/chakong demo

test: setup
	@$(MAKE) --no-print-directory check

# The one check, of format, lint, types, the import rule, the documents of the wire, and behaviour. pytest comes last, so that
# its closing line does.
check:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m stream.schemas --check
	@$(BIN)/pytest $(SIDE_BY_SIDE)

setup:
	@deploy/setup
	@$(BIN)/python -m stream.machine_code

# Exact versions and hashes, and no host: whoever installs them takes them from the index of their choice.
lock: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --no-annotate --no-header --no-emit-index-url --generate-hashes pyproject.toml --group dev -o requirements.lock
	@$(BIN)/uv pip compile --quiet --no-annotate --no-header --no-emit-index-url --generate-hashes benchmarks/peers/requirements.in -o benchmarks/peers/requirements.lock
	@echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --no-annotate --no-header --no-emit-index-url --generate-hashes - -o deploy/setup.lock

# Stops what runs first: data that is removed under a running server is noticed late.
clean:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m deploy.local.sweep .; fi
	@rm -rf .local .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build dist
