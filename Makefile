# Everything a newcomer needs; `make help` lists it. Needed on the machine: Python 3.11 or newer, make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
BENCH := .venv-bench
CODE := gql_app schema resolvers rest_shim tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help install explorer serve demo test coverage bench check sdl openapi fuzz format lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY) ## Make .venv with the locked dependencies

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Roster needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv .venv
	@# Without compiling, which is a third of the wait: most of it is never imported.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

explorer: $(READY) ## Build GraphiQL and the REST reference from npm packages, unless they are built and newer than their sources
	@$(BIN)/python -m gql_app.pages.build

serve: $(READY) ## Serve on http://127.0.0.1:8000, with an embedded PostgreSQL in .roster
	@$(BIN)/python -m gql_app.pages.build --seconds 60 || true
	@exec $(BIN)/roster serve

demo: $(READY) ## Fill the database with a small fleet to look at
	@$(BIN)/roster demo

test: $(READY) ## Run every test on a real PostgreSQL 18
	$(BIN)/python -m pytest -q -n 3 --dist loadgroup

# What drives the server from outside, with browsers and other programs, adds time here and no line.
OUTSIDE := explorer live_clients codegen crash containers fuzz_graphql guides audits

coverage: $(READY) ## Measure branch coverage, without the tests that drive the server from outside
	$(BIN)/python -m pytest -q -n 3 --dist loadgroup $(OUTSIDE:%=--ignore=tests/test_%.py) --cov --cov-report=term

check: $(READY) ## Check format, lint, types, floors, and that the committed SDL and OpenAPI are the code's
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/roster schema | diff -u schema/schema.graphql - || { echo 'The SDL has drifted: make sdl'; exit 1; }
	@$(BIN)/roster openapi | diff -u rest_shim/openapi.json - || { echo 'OpenAPI has drifted: make openapi'; exit 1; }

bench: $(BENCH)/ready ## Measure Roster beside others and write benchmarks/RESULTS.md (25 minutes; ARGS=--quick for a look)
	$(BENCH)/bin/python -m benchmarks.bench $(ARGS)

# What only the bench needs, so that nobody else waits for it.
$(BENCH)/ready: requirements-bench.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

sdl: $(READY) ## Write the SDL anew
	$(BIN)/roster schema > schema/schema.graphql

openapi: $(READY) ## Write the OpenAPI document anew
	$(BIN)/roster openapi > rest_shim/openapi.json

fuzz: $(READY) ## Fuzz REST by schemathesis for a long while, on a database that is thrown away; and compiled execution
	$(BIN)/python -m tests.fuzz
	ROSTER_EXECUTOR_EXAMPLES=25000 $(BIN)/python -m pytest -q tests/test_executor.py tests/test_executor_schema.py

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		--custom-compile-command 'make lock' --extra dev pyproject.toml -o requirements-dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		--custom-compile-command 'make lock' -c requirements-dev.txt pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		--custom-compile-command 'make lock' -c requirements-dev.txt --extra bench pyproject.toml -o requirements-bench.txt

clean: ## Remove .venv, what is built and what tests leave; the data in .roster stays
	rm -rf gql_app/pages/graphiql/dist gql_app/pages/graphiql/node_modules
	rm -rf .venv .venv-bench .roster-bench .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
