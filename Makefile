# Every target sets up what it needs. `make demo` and `make test` are the two to know.

.DEFAULT_GOAL := help
.PHONY: help demo test setup tools check fmt lint guards generate bench

help: ## shows this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## sets up, builds, and runs a real agent through Mandate in this terminal
	@scripts/demo.sh

test: ## sets up, then runs every check
	@scripts/test.sh

setup: ## looks for the system's tools, fetches the crates, installs the peers into .tools/
	@scripts/setup.sh
	@scripts/tools.sh

check: ## the quick half of `test`: formatting, guards, types
	@scripts/test.sh fmt guards clippy

fmt: ## formats the Rust code
	@cargo fmt --all

lint: ## clippy on everything, warnings are errors
	@scripts/test.sh clippy

guards: ## the project's own rules: crate edges, purity, words, sizes, licences, links
	@scripts/test.sh guards

generate: ## writes the files that are generated from the code
	@scripts/generated.sh write

bench: ## runs every benchmark, with the limit or peer beside each figure
	@scripts/setup.sh build
	@scripts/bench.sh
