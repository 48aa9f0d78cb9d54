# GNU make. `make` builds, `make check` runs every test, `make help` lists the rest.

CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
# The client library's file: the ABI number (docs/adr/0001-soname-3.md), then two that only rise with releases.
LIBVERSION := 3.0.0
SOVERSION := $(firstword $(subst ., ,$(LIBVERSION)))
# The class SchrittmacherClient for Objective-C. `no` leaves it out of `make` and `make install`.
WITH_OBJC ?= yes

# The packages with something to install.
SHIPPED := -p schrittmacher -p schrittmacher-ctl -p schrittmacher-run -p schrittmacherclient

.PHONY: all portable check test demo bench tools model sim fuzz table fmt lint clean help

all: ## build the daemon, schrittmacherctl, the client libraries and schrittmacher-run (release)
	$(CARGO) build --release --locked $(SHIPPED)
	ln -sf libschrittmacherclient.so $(RELEASE)/libschrittmacherclient.so.$(SOVERSION)
ifneq ($(WITH_OBJC),no)
	$(OBJC_MAKE) if-possible
endif

portable: ## programs and libraries for glibc 2.17 and for musl, in target/portable; needs cargo-zigbuild
	@scripts/portable '$(SHIPPED)'

.PHONY: dist check-dist deb rpm check-booted deny
dist: portable ## tarballs of what `portable` has built and of the source with its crates, with SHA-256 sums and SBOMs, in target/dist
	@scripts/dist

check-dist: ## build the tarballs in two folders, and compare them byte for byte
	@scripts/check-dist

deb: ## Debian packages, in target/deb, of what `portable` has built, or else compiled here
	@scripts/deb

rpm: ## RPM packages, in target/rpm, of what `portable` has built
	@scripts/rpm

check-booted: ## the Debian package on two booted systems, with a client; says what it lacks and skips (root; minutes)
	@scripts/check-booted

deny: ## licences, duplicates, sources and advisories of the crates, and the oldest Rust (cargo-deny)
	@scripts/deny

check: ## run every test, as CI does
	@scripts/check

test: ## run the Rust tests alone
	$(CARGO) build --workspace
	$(CARGO) test --workspace

.PHONY: check-many-runs
check-many-runs: ## 10,000 commands leave nothing behind; `make check` runs 2,000
	RUNS=10000 $(CARGO) test --locked --bin schrittmacher two_thousand_runs_leave_no_descriptor_and_no_memory

# The demonstration's application is built as its users would build it, against the shared library.
demo: tools all ## two daemons, two applications, every kind of failover, live; as root a client and its outages too
	@$(MAKE) --no-print-directory -C c-examples OUT='$(abspath $(RELEASE))/c-examples' CPPFLAGS=-I../include \
	    LIBS='-L$(abspath $(RELEASE)) -lschrittmacherclient -Wl,-rpath,$(abspath $(RELEASE))'
	@[ "$$(id -u)" != 0 ] || \
	    $(CARGO) build --release --locked -p schrittmacher-testapp -p schrittmacher-harness --bins --example outage
	@scripts/demo

# The tools of a build that a fresh machine may lack.
tools:
	@command -v $(CARGO) >/dev/null || { echo 'error: no cargo; install Rust: https://rustup.rs/'; exit 1; }
	@command -v cc >/dev/null || { echo 'error: no C compiler; as root: apt-get install gcc libc6-dev'; exit 1; }

# FAULTS=1 takes minutes and 3 GB on two quiet cores; FAULTS=2 tries faults until 10,000 states of a pair are found.
model: ## search every behaviour of a pair of nodes for one that breaks a promise; FAULTS=1 with one fault
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- $(if $(FAULTS),--faults $(FAULTS))
	@$(CARGO) run -q --release --locked -p schrittmacher-majority -- --search 1

.PHONY: model-legacy model-without
model-legacy: ## the same of two nodes of 2.0.0: prints how they fail
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- --legacy

model-without: ## the same with each deviation from 2.0.0 taken out in turn (an hour)
	@$(CARGO) run -q --release --locked -p schrittmacher-model -- --without

# PAGE=docs/verification.md writes the table there.
sim: ## simulate pairs in virtual time under random faults: SEEDS=10000, FROM=n for later ones, or SEED=n to replay one
	@$(CARGO) run -q --release --locked -p schrittmacher-random-faults -- \
	    $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),500) $(if $(FROM),--from $(FROM)) $(if $(PAGE),--page $(PAGE)))
	@$(if $(SEED),,$(CARGO) run -q --release --locked -p schrittmacher-majority -- --seeds 100)

.PHONY: majority sim-policies
majority: ## the three policies and isolated hosts: every sequence of two faults, by clocks that are wrong (FAULTS=n)
	@$(CARGO) run -q --release --locked -p schrittmacher-majority -- --search $(or $(FAULTS),2)

sim-policies: ## the three policies under random faults: SEEDS=10000 (a quarter of an hour), where `make sim` has 100
	@$(CARGO) run -q --release --locked -p schrittmacher-majority -- --seeds $(or $(SEEDS),10000)

.PHONY: majority-without
majority-without: ## the rule of the majority with each part of it taken out in turn: two sides that serve have to be found
	@$(CARGO) run -q --release --locked -p schrittmacher-majority -- --teeth

.PHONY: drills
drills: ## stop, restart and reload both daemons in every order, and write down which side serves (half an hour)
	$(CARGO) build --workspace
	PAGE='$(CURDIR)/docs/drills.md' $(CARGO) test --test e2e -- drills::every_pair_of_acts --ignored --nocapture

.PHONY: check-older
check-older: ## test a real daemon of an earlier commit as the peer, OLDER=5c82a17; builds it (a few minutes)
	@scripts/check-older

.PHONY: check-page
check-page: ## test the status page in Chromium, with axe; says what it lacks and skips (two minutes)
	$(CARGO) build --workspace
	@scripts/check-page

.PHONY: check-witness
check-witness: ## pairs beside etcd in namespaces: cuts, a daemon that stands still, faults of etcd (root, etcd; eight minutes)
	$(CARGO) build --workspace
	@$(CARGO) run -q -p schrittmacher-harness --example witness

fuzz: ## fuzz what arrives from outside, SECS=60 for each of the targets, or for TARGET=wire alone
	@SECS='$(SECS)' TARGET='$(TARGET)' scripts/fuzz

table: ## print the transition table as JSON lines
	@$(CARGO) run -q -p schrittmacher-protocol --example table

# QUICK=1 is a look at all of it.
bench: ## everything that performance.md compares, beside keepalived and bare loops in C (root; an hour, QUICK=1 is a look)
	@QUICK='$(QUICK)' scripts/bench

.PHONY: bench-switch
bench-switch: ## how long a switch takes, and what an idle daemon costs (two minutes, on a quiet machine)
	$(CARGO) build --release --locked -p schrittmacher-testapp
	$(CARGO) bench --locked --bench pair

# ROUTE="metrics" for one of them, SECONDS and ROUNDS of each, SIZES=no without the first part, DAEMON=PROGRAM for another build.
.PHONY: bench-admin
bench-admin: ## what monitoring costs: answers with many resources, and heartbeats beside 1,000 requests a second (eight minutes)
	$(CARGO) bench --locked --bench admin

.PHONY: bench-many
bench-many: ## what a pair with many resources costs, beside a bare loop (root; four minutes; RESOURCES=1,1000)
	$(CARGO) build --release --locked -p schrittmacher
	$(CARGO) bench --locked --bench many

# ROW="lost" for one of them, RUNS, COUNT of the cold start, DAEMON=PROGRAM for another build.
.PHONY: bench-mass bench-hogs
bench-mass: ## many resources in one moment: a lost host, 200 at 10 ms beside keepalived, a cold start (root; ten minutes)
	$(CARGO) build --release --locked -p schrittmacher
	$(CARGO) bench --locked --bench mass

# HOGS="8,32", MINUTES of each, HEARTBEAT, REALTIME=off, PAGES for readers of the page.
bench-hogs: ## a pair at 3 ms x 3 on a busy host: false take-overs, and how late heartbeats are (root; ten minutes)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacher-testapp
	$(CARGO) bench --locked --bench hogs

# DAEMONS="OLD,NEW" compares programs in one run; RESOURCES, ROUNDS, PROMISE.
.PHONY: bench-leases
bench-leases: ## how soon the last of many resources has its lease beside a witness (root, etcd; four minutes)
	$(CARGO) build --release --locked -p schrittmacher
	@DAEMONS='$(or $(DAEMONS),$(RELEASE)/schrittmacher)' $(CARGO) run -q -p schrittmacher-harness --example leases

.PHONY: bench-doors
bench-doors: ## what signatures cost, and what floods at the doors do (floods as root; six minutes, on a quiet machine)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacher-testapp
	$(CARGO) bench --locked -p schrittmacher-auth
	$(CARGO) bench --locked --bench doors

.PHONY: bench-addresses bench-packets
bench-addresses: ## how long a thousand built-in addresses take, beside a bare loop in C (root; on a quiet machine)
	$(CARGO) bench --locked -p schrittmacher-address

bench-packets: ## what a client's tcpdump sees of a switch: the table of docs/addresses.md (root, tcpdump)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacher-testapp
	@$(CARGO) bench --locked --bench packets

.PHONY: bench-outage
bench-outage: ## how long a client is without the address, beside keepalived (root; a quarter of an hour)
	$(CARGO) build --release --locked -p schrittmacher -p schrittmacher-testapp
	$(CARGO) bench --locked --bench outage

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
