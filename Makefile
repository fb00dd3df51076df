.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-c test-go test-python test-hosts loom lint header install bench bench-calls fuzz clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Record in one process; in another one detect, and cut the clip of what was loud three seconds ago
	@scripts/install run
	cargo build --release -p capbuf-cli -p capbuf-capture --bin capbuf --example late_detection
	demo/late_detection

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

test-python: ## The Python package, type checks included
	@scripts/python

test-hosts: ## Processes in all languages that race for the same sources of one domain
	@scripts/hosts

loom: ## Try every order of steps of what runs at the same time, and see each model fail on planted defects
	RUSTFLAGS='--cfg loom' cargo test -p capbuf --lib --target-dir target/loom models::

lint: ## Check format, clippy and documentation; any warning is an error
	@scripts/install build
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --workspace

header: ## Make include/capbuf.h anew, after a change of the C interface
	CAPBUF_WRITE_HEADER=1 cargo test -p capbuf-ffi --test header the_committed

bench: ## Measure against a plain copy and other rings
	@scripts/install build
	cargo bench -p capbuf-benches

SECONDS ?= 60
fuzz: ## Look for scripts that make a damaged buffer do harm; SECONDS=60
	@scripts/install fuzz
	@command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
	@mkdir -p core/fuzz/corpus
	cd core && RUSTC_BOOTSTRAP=1 cargo fuzz run mapped fuzz/corpus fuzz/seeds -- -max_total_time=$(SECONDS) -timeout=60 -malloc_limit_mb=256 -max_len=1024

clean: ## Remove everything that was built
	cargo clean
