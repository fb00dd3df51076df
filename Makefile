.DEFAULT_GOAL := help
.PHONY: help run test soak costs test-rust test-c test-go test-python test-hosts loom miri lint header times install bench bench-quick bench-instructions bench-calls fuzz sanitize mutants clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Record in one process, detect and cut a clip in another; then share one domain between all languages
	@scripts/install run
	cargo build --workspace --lib --bins
	demo/late_detection
	@scripts/hosts race

test: test-rust loom test-c test-go test-python test-hosts ## Run all tests, with real sound servers, streams and a virtual microphone

test-rust: ## Test the Rust crates and the command
	@scripts/install test
	cargo test --workspace
	RUSTFLAGS='--cfg capbuf_portable_copy' cargo test -p capbuf --no-default-features --tests --target-dir target/portable

test-c: ## Test C and C++ programs: shared, static, under AddressSanitizer and valgrind
	@scripts/install c
	cargo build --workspace
	tests/c/run target/debug

test-go: ## Test the Go package, also with the race detector and constant garbage collection
	@scripts/go

costs: ## Measure the CPU time of 100 sources and 10 cameras, and of the copies alone
	@scripts/install test
	cargo run --release -p capbuf-tests --bin costs_of_a_station

soak: ## Run 50 failing sources, and kill and freeze writers and readers, for ten minutes each; kill ffmpeg a hundred times
	@scripts/install test
	CAPBUF_SOAK_SECONDS=600 cargo test -p capbuf-tests --test soak -- --nocapture
	CAPBUF_SOAK_SECONDS=600 cargo test -p capbuf-tests --test domains -- --nocapture storm_of_kills
	CAPBUF_LONG=1 cargo test -p capbuf-tests --test capture -- --nocapture failing
	CAPBUF_LONG=1 cargo test -p capbuf-capture --test capturing -- --nocapture stations

test-python: ## Test the Python package, type checks included
	@scripts/python

test-hosts: ## Race processes of all languages for the sources of one domain; search their output for passwords
	@scripts/hosts

loom: ## Model-check the concurrent code, and check that each model finds its planted defects
	RUSTFLAGS='--cfg loom' cargo test -p capbuf --lib --target-dir target/loom models::

SEEDS ?= 0..8
miri: ## Run the unsafe code of the core under Miri (nightly), with many seeds; SEEDS=0..8
	@cargo +nightly miri --version >/dev/null 2>&1 || { echo "make miri: first rustup component add miri rust-src --toolchain nightly"; exit 1; }
	MIRIFLAGS='-Zmiri-many-seeds=$(SEEDS)' cargo +nightly miri test -p capbuf --lib --target-dir target/miri memory_model
	cargo +nightly miri test -p capbuf --lib --target-dir target/miri -- memory::copy::tests ring::frames::tests::frames_ ring::anchors::tests registry::lookup::shard::tests

SHELL_SCRIPTS = $(filter-out scripts/prose,$(wildcard scripts/*)) demo/late_detection tests/c/run .ci/run
lint: ## Check format, clippy, documentation, shell scripts and prose; a warning is an error
	@scripts/install lint
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --workspace
	shellcheck $(SHELL_SCRIPTS)
	scripts/prose --self-test
	scripts/prose

header: ## Write include/capbuf.h again, after a change of the C interface
	CAPBUF_WRITE_HEADER=1 cargo test -p capbuf-ffi --test header the_committed

times: ## Write the table of docs/times.md again, after a change of the timeline
	CAPBUF_WRITE_TABLES=1 cargo test -p capbuf --test timeline times_are

PREFIX ?= /usr/local
install: ## Install the C library, header and pkg-config file; PREFIX=/usr/local DESTDIR=
	@scripts/install build
	cargo build --release -p capbuf-ffi
	scripts/install-c target/release '$(PREFIX)' '$(DESTDIR)'

BENCH = cargo bench -p capbuf-benches --features iceoryx2 --bench table

bench: ## Benchmark against plain copies and other libraries, and write BENCHMARKS.md; ten minutes on an idle machine
	@scripts/install build
	$(BENCH)

bench-quick: ## Benchmark with fewer rounds, in two minutes; writes nothing; TABLE=name for one table
	@scripts/install build
	$(BENCH) -- quick $(TABLE)

bench-instructions: ## Count the instructions of the hot paths with callgrind, exact on a busy machine, too
	@scripts/install build
	$(BENCH) -- instructions

bench-calls: ## Measure calls from C, Go and Python, compared with Rust
	@scripts/bench-calls

SECONDS ?= 60
fuzz: ## Run all fuzzers, for SECONDS=60 in total
	@scripts/install fuzz
	@scripts/fuzz $(SECONDS)

sanitize: ## Run the core under four sanitizers, each after it has caught a planted fault
	@scripts/install build
	@scripts/sanitize

MUTATED ?= ring/frames ring/anchors memory/copy memory/pool buffer/span buffer/plan buffer/read buffer/windows time/extent time/timekeeper \
	time/delay_locked_loop registry/handle registry/claim registry/tracked observe/registry \
	$(addprefix registry/lookup/,map shard slot retired)
MUTATED_BY = writing reading windows model timeline phases allocation pool tracking domains hostile
mutants: ## Change the core in all small ways, one at a time, and list what no test notices: takes hours; MUTATED="ring/frames buffer/read"
	@command -v cargo-mutants >/dev/null || cargo install cargo-mutants --locked
	@mkdir -p target/mutants
	cargo mutants -p capbuf --timeout 120 -o target/mutants $(MUTATED:%=--file core/src/%.rs) \
		$(addprefix --cargo-test-arg=,--lib $(MUTATED_BY:%=--test=%))

clean: ## Remove all build output
	cargo clean
