# GNU make. `make` builds, `make check` runs every test, `make help` lists the rest.

CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
# The client library's file: the ABI number (docs/adr/0001-soname-3.md), then two that only rise with releases.
LIBVERSION := 3.0.0
SOVERSION := $(firstword $(subst ., ,$(LIBVERSION)))
# Where schrittmacher-run finds the library if the system does not look there: in build folder and installed tree.
RUN_PATH ?= -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'
# The class SchrittmacherClient for Objective-C. `no` leaves it out of `make` and `make install`.
WITH_OBJC ?= yes

.PHONY: all check test demo bench tools model sim fuzz table fmt lint clean help

all: ## build the daemon, schrittmacherctl, the client libraries and schrittmacher-run (release)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacherclient
	ln -sf libschrittmacherclient.so $(RELEASE)/libschrittmacherclient.so.$(SOVERSION)
	$(CC) -O2 -Wall -Wextra $(CPPFLAGS) $(CFLAGS) -Iinclude -o $(RELEASE)/schrittmacher-run c-examples/schrittmacher-run.c \
	    -L$(RELEASE) -lschrittmacherclient $(RUN_PATH) $(LDFLAGS)
ifneq ($(WITH_OBJC),no)
	$(OBJC_MAKE) if-possible
endif

check: ## run every test, as CI does
	@scripts/check

test: ## run the Rust tests alone
	$(CARGO) build --workspace
	$(CARGO) test --workspace

.PHONY: check-many-runs
check-many-runs: ## 10,000 commands leave nothing behind; `make check` runs 2,000
	RUNS=10000 $(CARGO) test --locked --lib two_thousand_runs_leave_no_descriptor_and_no_memory

# The demonstration's application is built as its users would build it, against the shared library.
demo: tools all ## two daemons, two applications, every kind of failover, live
	@$(MAKE) --no-print-directory -C c-examples OUT='$(abspath $(RELEASE))/c-examples' CPPFLAGS=-I../include \
	    LIBS='-L$(abspath $(RELEASE)) -lschrittmacherclient -Wl,-rpath,$(abspath $(RELEASE))'
	@scripts/demo

# What a build needs and a fresh machine may lack.
tools:
	@command -v $(CARGO) >/dev/null || { echo 'error: no cargo; install Rust: https://rustup.rs/'; exit 1; }
	@command -v cc >/dev/null || { echo 'error: no C compiler; as root: apt-get install gcc libc6-dev'; exit 1; }

# Two minutes and 3 GB on two quiet cores; FAULTS=2 tries faults until 10,000 states of a pair are found.
model: ## search every behaviour of a pair of nodes for one that breaks a promise
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- $(if $(FAULTS),--faults $(FAULTS))

.PHONY: model-legacy model-without
model-legacy: ## the same of two nodes of 2.0.0: prints how they fail
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- --legacy

model-without: ## the same with each deviation from 2.0.0 taken out in turn (an hour)
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- --without

# PAGE=docs/protocol.md writes the table there.
sim: ## simulate pairs in virtual time under random faults: SEEDS=10000, or SEED=n to replay one
	@$(CARGO) run -q --release --locked -p schrittmacher-sim -- \
	    $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),500) $(if $(PAGE),--page $(PAGE)))

fuzz: ## fuzz what arrives from outside, SECS=60 for each of the targets, or for TARGET=wire alone
	@SECS='$(SECS)' TARGET='$(TARGET)' scripts/fuzz

table: ## print the transition table as JSON lines
	@$(CARGO) run -q -p schrittmacher-protocol --example table

bench: ## how long a switch takes, and what an idle daemon costs (two minutes, on a quiet machine)
	$(CARGO) build --release --locked -p schrittmacher-testapp
	$(CARGO) bench --locked --bench pair

include packaging/install.mk

OBJC_MAKE = +$(MAKE) --no-print-directory -f objc-shim/objc.mk RELEASE=$(RELEASE)
.PHONY: check-c check-abi objc check-objc install-objc uninstall-objc

# The three parts of `make check` that are about the client library.
check-c: ## test the client library as C and C++ programs use it, and the examples
	@scripts/check c

check-abi: ## test the client library's header, symbols, and what programs have compiled in
	@scripts/check abi

objc: ## build the Objective-C library; `make` does where it finds GNUstep
	$(OBJC_MAKE)

check-objc: ## test the Objective-C library
	@objc-shim/tests/check

# After install-lib, one of whose files it replaces.
install-objc: install-lib ## the client library for C and Objective-C
	$(OBJC_MAKE) install

uninstall-objc:
	$(OBJC_MAKE) uninstall

uninstall: uninstall-objc
ifneq ($(WITH_OBJC),no)
# The legacy file names lead to the Objective-C library: asked for without it, they are an error.
install: $(if $(filter 1,$(LEGACY_LINKS))$(wildcard $(dir $(RELEASE))objc/*.so.$(SOVERSION)),install-objc)
endif

fmt: ## format the code
	$(CARGO) fmt --all

lint: ## what `make check` demands of the code before it runs
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean: ## remove everything built
	$(CARGO) clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
