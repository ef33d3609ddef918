# `make help` lists the targets. All builds are release builds, so that tests and demo share one.
SWIFT_BUILD = swift build -c release
APUS = .build/release/apus

.PHONY: help demo test build bench format lint docs clean bootstrap

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## curate real web pages, train on both data sets, write demo/report.html
	@Scripts/demo

# Each test of a local cluster starts processes: all tests at once would leave none of them a processor for seconds.
test: bootstrap ## build everything and run every test
	$(SWIFT_BUILD) --build-tests
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 swift test -c release --skip-build

build: bootstrap ## build the command-line tool
	$(SWIFT_BUILD) --product apus

bench: build ## run the side-by-side benchmarks (installs the peers into .deps/peers)
	@failed=0; for script in Benchmarks/*/run; do echo "== $$script"; "$$script" || failed=1; done; exit $$failed

format: ## format the sources
	swift format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## check the format of the sources
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

docs: bootstrap ## write the documentation of the public modules to .build/docs
	@Scripts/docs

clean: ## remove what was built (not .deps)
	rm -rf .build demo

bootstrap:
	@Scripts/bootstrap
