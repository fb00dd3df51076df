.DEFAULT_GOAL := help
.PHONY: help run test soak costs test-rust test-c test-go test-python test-hosts loom miri lint header install bench bench-quick bench-instructions bench-calls fuzz sanitize mutants clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Record in one process, detect in another and cut the clip; then a process in each language on one domain
	@scripts/install run
	cargo build --workspace --lib --bins --example late_detection
	demo/late_detection
	@scripts/hosts race

test: test-rust loom test-c test-go test-python test-hosts ## Run every test, with real microphones, servers and streams

test-rust: ## The tests of the Rust crates and of the command
	@scripts/install test
	cargo test --workspace
	RUSTFLAGS='--cfg capbuf_portable_copy' cargo test -p capbuf --tests --target-dir target/portable

test-c: ## C and C++ programs with the installed library: shared, static, under AddressSanitizer and valgrind
	@scripts/install c
	cargo build --workspace
	tests/c/run target/debug

test-go: ## The Go package, also under the race detector and a collector that never rests
	@scripts/go

costs: ## What a station of a hundred sources and ten cameras costs: CPU, beside the copies alone
	@scripts/install test
	cargo run --release -p capbuf-tests --bin costs_of_a_station

soak: ## Ten minutes of fifty sources that fail all the time, and a hundred kills of ffmpeg
	@scripts/install test
	CAPBUF_SOAK_SECONDS=600 cargo test -p capbuf-tests --test soak -- --nocapture
	CAPBUF_LONG=1 cargo test -p capbuf-tests --test capture -- --nocapture failing
	CAPBUF_LONG=1 cargo test -p capbuf-capture --test capturing -- --nocapture stations

test-python: ## The Python package, type checks included
	@scripts/python

test-hosts: ## Processes in all languages that race for the same sources of one domain, and none of which shows a password
	@scripts/hosts

loom: ## Try every order of steps of what runs at the same time, and see each model fail on planted defects
	RUSTFLAGS='--cfg loom' cargo test -p capbuf --lib --target-dir target/loom models::

SEEDS ?= 0..8
miri: ## Run the core's unsafe code and its ring under Miri (nightly), with many seeds; SEEDS=0..8
	@cargo +nightly miri --version >/dev/null 2>&1 || { echo "make miri: first rustup component add miri rust-src --toolchain nightly"; exit 1; }
	MIRIFLAGS='-Zmiri-many-seeds=$(SEEDS)' cargo +nightly miri test -p capbuf --lib --target-dir target/miri memory_model
	cargo +nightly miri test -p capbuf --lib --target-dir target/miri -- memory::copy::tests lookup::table::tests ring::frames::tests::what ring::frames::tests::after ring::anchors::tests

lint: ## Check format, clippy, documentation and shell scripts; any warning is an error
	@scripts/install lint
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --workspace
	shellcheck scripts/* demo/late_detection tests/c/run .ci/run

header: ## Make include/capbuf.h anew, after a change of the C interface
	CAPBUF_WRITE_HEADER=1 cargo test -p capbuf-ffi --test header the_committed

PREFIX ?= /usr/local
install: ## Install the C library, with header and pkg-config file: PREFIX=/usr/local DESTDIR=
	@scripts/install build
	cargo build --release -p capbuf-ffi
	scripts/install-c target/release '$(PREFIX)' '$(DESTDIR)'

BENCH = cargo bench -p capbuf-benches --features iceoryx2 --bench table

bench: ## Measure against plain copies and what else there is, and write BENCHMARKS.md; about ten minutes, on a quiet machine
	@scripts/install build
	$(BENCH)

bench-quick: ## The same with fewer rounds, in less than two minutes; writes nothing. TABLE=name for one of them
	@scripts/install build
	$(BENCH) -- quick $(TABLE)

bench-instructions: ## Count the instructions of the hot paths, by callgrind: the same on a busy machine
	@scripts/install build
	$(BENCH) -- instructions

bench-calls: ## Measure a call from each language beside the same one from Rust
	@scripts/bench-calls

SECONDS ?= 60
fuzz: ## Look for input that does harm, by all fuzzers, for SECONDS=60 in all
	@scripts/install fuzz
	@scripts/fuzz $(SECONDS)

sanitize: ## The core under the address, leak, thread and real-time sanitizers, each after it caught a planted fault
	@scripts/install build
	@scripts/sanitize

MUTATED ?= ring/frames ring/anchors memory/copy memory/pool buffer/span buffer/plan buffer/read buffer/windows time/extent time/timekeeper \
	time/delay_locked_loop registry/handle registry/claim registry/tracked observe/registry \
	$(addprefix registry/lookup/,published thread_cache slot table name)
MUTATED_BY = writing reading windows model timeline phases allocation pool tracking domains hostile
mutants: ## Change the core in all small ways, one at a time, and list what no test notices: takes hours; MUTATED="ring/frames buffer/read"
	@command -v cargo-mutants >/dev/null || cargo install cargo-mutants --locked
	@mkdir -p target/mutants
	cargo mutants -p capbuf --timeout 120 -o target/mutants $(MUTATED:%=--file core/src/%.rs) \
		$(addprefix --cargo-test-arg=,--lib $(MUTATED_BY:%=--test=%))

clean: ## Remove everything that was built
	cargo clean
