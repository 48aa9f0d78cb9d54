# GNU make. `make` builds, `make check` runs every test, `make help` lists the rest.

CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
# The client library's file: the ABI number (docs/adr/0001-soname-3.md), then two that only rise with releases.
LIBVERSION := 3.0.0
SOVERSION := $(firstword $(subst ., ,$(LIBVERSION)))

.PHONY: all check test demo table fmt lint clean help

all: ## build the daemon and the client library (release)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacherclient
	ln -sf libschrittmacherclient.so $(RELEASE)/libschrittmacherclient.so.$(SOVERSION)

check: ## run every test, as CI does
	@scripts/check

test: ## run the Rust tests alone
	$(CARGO) build --workspace
	$(CARGO) test --workspace

ifneq ($(wildcard scripts/demo),)
demo: all ## two daemons, two applications, every kind of failover, live
	@scripts/demo
endif

include packaging/install.mk

table: ## print the transition table as JSON lines
	@$(CARGO) run -q -p schrittmacher-protocol --example table

fmt: ## format the code
	$(CARGO) fmt --all

lint: ## what `make check` demands of the code before it runs
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean: ## remove everything built
	$(CARGO) clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
