# The front door. `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help demo test test-long bench bench-ffi bench-faults soak header reference install abi coverage sanitize fuzz deny setup clean

PREFIX ?= /usr/local
MINUTES ?= 60
# How often `make test-long` repeats what depends on timing; `make test` repeats it 5 times.
LOOPS ?= 100
# How long `make fuzz` runs each target; or RUNS, how often.
SECONDS ?= 60
RUNS ?=

# Tools that are built from crates.io once, each version in a folder of its own below build.
TARPAULIN := build/tools/cargo-tarpaulin-0.37.5/bin/cargo-tarpaulin
DENY := build/tools/cargo-deny-0.20.2/bin/cargo-deny
CINSTALL := build/tools/cargo-c-0.10.24/bin/cargo-cinstall
FUZZ := build/tools/cargo-fuzz-0.13.2/bin/cargo-fuzz

# Where rustup puts cargo and Go's installer go, for shells that were not told.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/go/bin

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Which cluster the demo consumes from: mock or real.
BROKER ?= mock

demo: ## sends 1,000 messages to a mock cluster, consumes them from C (BROKER=real: a real broker and the Java client)
	@scripts/setup.sh $(if $(filter mock,$(BROKER)),demo)
	@scripts/demo.sh $(BROKER)

# Tests of the clients that `make bench` compares with: they need Go, so they are run there.
PEERS := peers_count_a_backlog peers_measure_latency peers_write_deliveries_down

# Most tests wait for a broker or a deadline most of their time, so one more of them runs than there are cores. With two
# more, programs under valgrind run past their time limits.
TEST_THREADS = $(shell echo $$(($$(nproc) + 1)))

test: setup ## proves everything: format, lints, unit tests, C programs, installation, real brokers of two versions
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked --workspace --no-fail-fast -- $(PEERS:%=--skip %)

# A test that takes too long for `make test` is #[ignore]d; this runs it, alone, since some count what the process has.
test-long: setup $(CINSTALL) ## runs the ignored tests too; repeats what depends on timing, and random cases, LOOPS times (LOOPS=100)
	RMQ_CINSTALL=$(CURDIR)/$(CINSTALL) cargo test --locked --workspace --no-fail-fast -- --ignored --test-threads=1
	PROPTEST_CASES=$$((256 * $(LOOPS))) cargo test --locked --lib --test wire
	RMQ_LOOPS=$(LOOPS) cargo test --locked --no-fail-fast --test capi --test mock --test real

bench: ## measures this library beside other clients (OPTIONS="rounds=3 only=throughput", see tests/bench)
	@scripts/setup.sh bench
	cargo test --locked --quiet --package rmq-testbed --test peers
	cargo rustc --locked --release --package rmq --lib --crate-type cdylib --target-dir build/bench
	cargo run --locked --release --package rmq-bench -- library=$(CURDIR)/build/bench/release/librmq.so $(OPTIONS)

# Go, Node, Python and Ruby read by ffi-examples; Java and Go's usual client stand beside them.
bench-ffi: ## measures the programs of ffi-examples beside the C callback and other clients (OPTIONS="rounds=3 languages=go,node")
	@$(MAKE) --no-print-directory bench OPTIONS="only=ffi sizes=1024 $(OPTIONS)"

# Apart from `bench`: it is about minutes of waiting for others, and its broker dies.
bench-faults: ## measures what members that come, go and die, and a broker that does, cost each client (OPTIONS="rounds=1")
	@$(MAKE) --no-print-directory bench OPTIONS="only=faults $(OPTIONS)"

# The library is the optimised one, as its users have it.
soak: ## lets members and brokers come, go, freeze and die for MINUTES (60) and accounts for each message (OPTIONS="seed=7")
	@scripts/setup.sh
	cargo rustc --locked --release --package rmq --lib --crate-type cdylib --target-dir build/bench
	cargo run --locked --release --package rmq-soak -- library=$(CURDIR)/build/bench/release/librmq.so minutes=$(MINUTES) $(OPTIONS)

header: setup ## writes include/rmq.h, tests/exports.txt and docs/CONFIGURATION.md anew from the sources
	RMQ_BLESS=1 cargo test --locked --quiet --no-fail-fast --test header --test exports
	RMQ_BLESS=1 cargo test --locked --quiet --lib config::docs

reference: setup ## writes the reference of the C interface to build/reference/html
	doxygen docs/Doxyfile

install: setup ## installs libraries, headers, rmqcat, CMake package and pkg-config file into PREFIX (/usr/local)
	cmake -S . -B build/cmake-install -DCMAKE_INSTALL_PREFIX="$(abspath $(PREFIX))" -DRMQ_CARGO_TARGET_DIR="$(CURDIR)/target"
	cmake --build build/cmake-install
	cmake --install build/cmake-install

# The release check: what programs that are built already rely on, see docs/ABI.md.
abi: setup ## compares the C interface with that of the newest tag (BASE=REVISION for another)
	scripts/abi.sh $(BASE)

# Every test but those that build the library once more. The C programs count: what they call is measured too.
coverage: setup $(TARPAULIN) ## measures which lines of src the tests run, and prints the share
	$(TARPAULIN) tarpaulin --engine llvm --locked --skip-clean --target-dir target/coverage --packages rmq --lib --tests \
	    --include-files 'src/*' --objects target/coverage/debug/deps/librmq.so --timeout 900 --out Stdout \
	    -- --skip examples_build_against --skip a_program_builds_with

# KINDS is empty for all: address, thread, valgrind, and miri where its component is installed.
sanitize: ## runs the C programs and the mock's tests under sanitizers and valgrind (KINDS="address thread" for some)
	@scripts/setup.sh
	scripts/sanitize.sh $(KINDS)

fuzz: setup $(FUZZ) ## runs each fuzz target for SECONDS (60) or RUNS (RUNS=10000000); TARGETS="frame record" are some of them
	scripts/fuzz.sh $(FUZZ) $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(SECONDS)) $(TARGETS)

# The second check fetches the database of RustSec, so it needs a network each time.
deny: $(DENY) ## checks licences, sources and known weaknesses of every crate by deny.toml
	$(DENY) --locked check licenses bans sources
	$(DENY) --locked check advisories

# build/tools/CRATE-VERSION/bin/PROGRAM
build/tools/%: version = $(lastword $(subst -, ,$(@D:/bin=)))
build/tools/%:
	cargo install --locked --root $(@D:/bin=) --version $(version) $(patsubst %-$(version),%,$(notdir $(@D:/bin=)))

setup: ## makes sure that every tool is here; installs missing ones where apt-get may
	@scripts/setup.sh

clean: ## removes what was built, keeps what was fetched (build/tools, the servers' jars)
	rm -rf target build/abi build/cmake-* build/demo build/demo.log build/examples build/coverage build/reference
	rm -rf build/testbed/classes build/testbed/run
