# The few things a person types. Preparation is scripts/prepare; CI runs .ci/run.
SHELL := /bin/sh
# Debian leaves the system folders out of a user's PATH; mkfs.fat lives there.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

BIN := .venv/bin

.PHONY: help demo test check lint format prepare torture bench-media bench-seal bench-fleet bench-reuse clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

demo: ## prepare, then run the whole loop in demo/
	@scripts/prepare demo
	@$(BIN)/updatebox demo demo/

test: ## prepare, then run every test and hold the coverage
	@scripts/prepare test
	@scripts/run-tests

check: lint ## what to run before pushing: lint, and the unit tests
	$(BIN)/pytest -q tests/unit

lint: ## form, style, types and import directions
	@scripts/prepare test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/check-attack-matrix

format: ## put the code into its form
	@scripts/prepare test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

prepare: ## make .venv and install what the tests need
	@scripts/prepare test

torture: ## cut the power at every write to a stick and in every act of a box, and print what survived
	@scripts/prepare test
	@$(BIN)/python -m benchmarks.torture_media
	@$(BIN)/python -m benchmarks.torture_box

bench-media: ## measure opening, writing and reading media against dd and mtools (as root: it uses a loop device)
	@scripts/prepare test
	@$(BIN)/python -m benchmarks.media

bench-seal: ## measure box write against age, mcopy and openssl (as root: it uses a loop device)
	@scripts/prepare bench
	@$(BIN)/python -m benchmarks.seal

bench-reuse: ## measure what is left of a package where the device has most of its chunks
	@scripts/prepare test
	@$(BIN)/python -m benchmarks.reuse

bench-fleet: ## measure a box with 100,000 devices and 1,000,000 receipts, and taking in receipts from a stick
	@scripts/prepare test
	@$(BIN)/python -m benchmarks.fleet

clean: ## remove what was made here
	rm -rf .venv .cache demo dist build .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
