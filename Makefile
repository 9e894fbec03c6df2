# What a person and CI do with this project. `make` alone lists it; each check is a target of its own.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Everything built stays in the clone, whatever the caller's environment says.
export CARGO_TARGET_DIR := $(CURDIR)/target

# Arguments of `serve`: make run ARGS="--window 1s"
ARGS ?=

.PHONY: help run kafka build test tools fmt log-format links lint doc unit compat browser audit advisories bench screenshot clean build-tools

help: ## list the targets
	@printf 'Emostream: live emoji reactions. Usage: make TARGET\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## build and start Emostream (ARGS="--window 1s" reaches `serve`)
	@scripts/heading 'Starting Emostream; Ctrl-C stops it'
	@exec target/release/emostream serve $(ARGS)

kafka: ## start a real Kafka broker on localhost:9092 in the foreground
	@scripts/heading 'Starting Apache Kafka on localhost:9092; Ctrl-C stops it'
	@exec scripts/kafka

build: build-tools ## leave the release binary in target/release/emostream
	@scripts/heading 'Building target/release/emostream; the first time takes some minutes'
	cargo build --release --locked

test: ## install what the checks need, run every check, sum up
	@scripts/run-steps tools fmt log-format links lint doc unit compat browser

tools: build-tools ## install what the checks need and is missing
	@scripts/install-test-tools

fmt: ## check the formatting of the Rust code
	cargo fmt --check

log-format: ## check the style of the log lines
	scripts/check-log-format --self-test
	scripts/check-log-format src

links: ## check that the links between the documents lead somewhere
	scripts/check-docs-links

lint: ## clippy on all targets, warnings denied
	cargo clippy --locked --all-targets --all-features -- -D warnings

doc: ## build the code's documentation, warnings denied
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items

unit: ## unit, property and integration tests, the import rule among them
	scripts/unit-tests

compat: ## clients of the prototype's kind, in Python, against the binary
	scripts/compat-tests

browser: ## type check, SDK tests and Chromium tests of the front end
	scripts/browser-tests test

audit: build-tools ## licences, banned crates and sources of all dependencies
	scripts/cargo-deny check licenses bans sources
	@printf 'known vulnerabilities are checked by: make advisories\n'

advisories: build-tools ## known vulnerabilities in dependencies (fetches the RustSec database)
	scripts/cargo-deny check advisories

bench: build ## measure everything that needs no Kafka next to the limits of this machine, in less than 15 minutes once built
	cargo bench --no-run --locked
	@scripts/bench

screenshot: ## take the README's pictures anew, from a lively run
	scripts/browser-tests screenshot

clean: ## remove everything built or installed inside the clone
	cargo clean
	rm -rf tests/browser/node_modules

build-tools:
	@scripts/install-build-tools
