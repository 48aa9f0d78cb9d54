# `make install` and `make uninstall`, on the paths of the program that this one replaces. Nothing is compiled here, so
# that nothing is compiled as root. DESTDIR is put before every path and appears in no file.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
UNITDIR ?= /etc/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
ZSHDIR ?= $(DATADIR)/zsh/site-functions

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
LIBRARY := libschrittmacherclient
HEADERS := $(notdir $(wildcard include/schrittmacherclient/*.h))
EXAMPLE := docs/examples/schrittmacher.conf.example
# For hosts without systemd: to be copied to their place by hand.
CLASSIC := schrittmacher.init schrittmacher.rc schrittmacher.plist
# pkg-config can then move the whole tree.
in_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
# The libraries that a program needs if it is linked with the static library. `make check` compares them with what rustc
# says, but for -lgcc_s: the compiler adds that itself, or in a fully static program -lgcc_eh.
LIBS_PRIVATE := -lutil -lrt -lpthread -lm -ldl -lc

DAEMON_FILES := \
	$(SBINDIR)/schrittmacher \
	$(SBINDIR)/schrittmacherctl \
	$(SYSCONFDIR)/schrittmacher/schrittmacher.conf.example \
	$(UNITDIR)/schrittmacher.service \
	$(UNITDIR)/schrittmacher@.service \
	$(SYSCONFDIR)/schrittmacher/unprivileged.conf \
	$(SYSCONFDIR)/schrittmacher/schrittmacher-units.rules \
	$(SYSCONFDIR)/logrotate.d/schrittmacher \
	$(SYSUSERSDIR)/schrittmacher.conf \
	$(CLASSIC:%=$(DATADIR)/schrittmacher/init/%) \
	$(DATADIR)/schrittmacher/schrittmacher.rules.yml \
	$(DATADIR)/schrittmacher/schrittmacher.dashboard.json \
	$(DATADIR)/bash-completion/completions/schrittmacherctl \
	$(ZSHDIR)/_schrittmacherctl \
	$(DATADIR)/fish/vendor_completions.d/schrittmacherctl.fish \
	$(MANDIR)/man8/schrittmacher.8 \
	$(MANDIR)/man8/schrittmacherctl.8 \
	$(MANDIR)/man5/schrittmacher.conf.5
LIB_FILES := \
	$(LIBDIR)/$(LIBRARY).so.$(LIBVERSION) \
	$(LIBDIR)/$(LIBRARY).so.$(SOVERSION) \
	$(LIBDIR)/$(LIBRARY).so \
	$(LIBDIR)/$(LIBRARY).a \
	$(LIBDIR)/pkgconfig/schrittmacherclient.pc \
	$(MANDIR)/man3/schrittmacherclient.3 \
	$(HEADERS:%=$(INCLUDEDIR)/schrittmacherclient/%)

RUN_FILES := \
	$(BINDIR)/schrittmacher-run \
	$(UNITDIR)/schrittmacher-run@.service \
	$(MANDIR)/man1/schrittmacher-run.1

INSTALL ?= install
OBJCOPY ?= objcopy
# The program that writes the completions: another one where $(RELEASE) is for another machine.
COMPLETER ?= $(RELEASE)/schrittmacherctl
# (what, mode, where): a file with its directory.
put = $(INSTALL) -d $(DESTDIR)$(dir $(3)) && $(INSTALL) -m $(2) $(1) $(DESTDIR)$(3)
# (template, where, file): the same for a file with @names@ in it; a unit for one of several pairs names its configuration file.
fill = $(INSTALL) -d $(DESTDIR)$(dir $(2)) && sed \
	-e 's|@prefix@|$(PREFIX)|g' -e 's|@bindir@|$(BINDIR)|g' -e 's|@sbindir@|$(SBINDIR)|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' -e 's|@libdir@|$(call in_prefix,$(LIBDIR))|' \
	-e 's|@file@|$(if $(3), $(3))|; s|@config@|$(if $(3), --config $(3))|; s|@pair@|$(if $(3),: %i)|' \
	-e 's|@includedir@|$(call in_prefix,$(INCLUDEDIR))|' -e 's|@version@|$(VERSION)|' -e 's|@libs_private@|$(LIBS_PRIVATE)|' \
	$(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)
# (shell, where): what the program that was built completes there.
complete = $(INSTALL) -d $(DESTDIR)$(dir $(2)) && $(COMPLETER) completion $(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)
built = test -e $(1) || { echo "error: $(1) is missing; run 'make' first, not as root" >&2; exit 1; }

.PHONY: install install-daemon install-lib install-run uninstall print-installed

install: install-daemon install-lib install-run ## install what `make` has built: PREFIX, DESTDIR

# Only the example: an existing configuration stays.
install-daemon: ## the daemon alone, and schrittmacherctl
	@$(call built,$(RELEASE)/schrittmacher)
	@$(call built,$(RELEASE)/schrittmacherctl)
	$(call put,$(RELEASE)/schrittmacher,755,$(SBINDIR)/schrittmacher)
	$(call put,$(RELEASE)/schrittmacherctl,755,$(SBINDIR)/schrittmacherctl)
	$(call put,man/schrittmacher.8,644,$(MANDIR)/man8/schrittmacher.8)
	$(call put,man/schrittmacherctl.8,644,$(MANDIR)/man8/schrittmacherctl.8)
	$(call put,man/schrittmacher.conf.5,644,$(MANDIR)/man5/schrittmacher.conf.5)
	$(call put,$(EXAMPLE),644,$(SYSCONFDIR)/schrittmacher/schrittmacher.conf.example)
	$(call put,packaging/schrittmacher.logrotate,644,$(SYSCONFDIR)/logrotate.d/schrittmacher)
	$(call fill,packaging/schrittmacher.service.in,$(UNITDIR)/schrittmacher.service)
	$(call fill,packaging/schrittmacher.service.in,$(UNITDIR)/schrittmacher@.service,$(SYSCONFDIR)/schrittmacher/%i.conf)
	$(call put,packaging/schrittmacher.sysusers,644,$(SYSUSERSDIR)/schrittmacher.conf)
	$(foreach file,$(CLASSIC),$(call fill,packaging/init/$(file).in,$(DATADIR)/schrittmacher/init/$(file)) &&) true
	$(call put,packaging/monitoring/schrittmacher.rules.yml,644,$(DATADIR)/schrittmacher/schrittmacher.rules.yml)
	$(call put,packaging/monitoring/schrittmacher.dashboard.json,644,$(DATADIR)/schrittmacher/schrittmacher.dashboard.json)
	$(call put,packaging/unprivileged.conf,644,$(SYSCONFDIR)/schrittmacher/unprivileged.conf)
	$(call put,packaging/schrittmacher-units.rules,644,$(SYSCONFDIR)/schrittmacher/schrittmacher-units.rules)
	$(call complete,bash,$(DATADIR)/bash-completion/completions/schrittmacherctl)
	$(call complete,zsh,$(ZSHDIR)/_schrittmacherctl)
	$(call complete,fish,$(DATADIR)/fish/vendor_completions.d/schrittmacherctl.fish)
	@test -n "$(DESTDIR)" || echo "now: systemctl daemon-reload"

install-lib: ## the client library for C alone
	@$(call built,$(RELEASE)/$(LIBRARY).so)
	@$(call built,$(RELEASE)/$(LIBRARY).a)
	$(call put,$(RELEASE)/$(LIBRARY).so,755,$(LIBDIR)/$(LIBRARY).so.$(LIBVERSION))
	ln -sf $(LIBRARY).so.$(LIBVERSION) $(DESTDIR)$(LIBDIR)/$(LIBRARY).so.$(SOVERSION)
	ln -sf $(LIBRARY).so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/$(LIBRARY).so
	$(call put,$(RELEASE)/$(LIBRARY).a,644,$(LIBDIR)/$(LIBRARY).a)
	@# Four fifths of it are the standard library's debugging information and bitcode, which no linker of C needs.
	! command -v $(OBJCOPY) >/dev/null || $(OBJCOPY) --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd \
	    $(DESTDIR)$(LIBDIR)/$(LIBRARY).a
	$(call put,man/schrittmacherclient.3,644,$(MANDIR)/man3/schrittmacherclient.3)
	$(call fill,packaging/schrittmacherclient.pc.in,$(LIBDIR)/pkgconfig/schrittmacherclient.pc)
	$(foreach header,$(HEADERS),$(call put,include/schrittmacherclient/$(header),644,$(INCLUDEDIR)/schrittmacherclient/$(header)) &&) true
	@test -n "$(DESTDIR)" || ldconfig || echo "now, as root: ldconfig"

install-run: ## schrittmacher-run alone
	@$(call built,$(RELEASE)/schrittmacher-run)
	$(call put,$(RELEASE)/schrittmacher-run,755,$(BINDIR)/schrittmacher-run)
	$(call put,man/schrittmacher-run.1,644,$(MANDIR)/man1/schrittmacher-run.1)
	$(call fill,packaging/schrittmacher-run@.service.in,$(UNITDIR)/schrittmacher-run@.service)

print-installed: # for `make check`
	@echo $(DAEMON_FILES) $(LIB_FILES) $(RUN_FILES)

uninstall: ## remove what `make install` has installed; configurations stay
	rm -f $(addprefix $(DESTDIR),$(DAEMON_FILES) $(LIB_FILES) $(RUN_FILES))
	for d in $(SYSCONFDIR)/schrittmacher $(DATADIR)/schrittmacher/init $(DATADIR)/schrittmacher $(INCLUDEDIR)/schrittmacherclient; do \
		test ! -d $(DESTDIR)$$d || rmdir $(DESTDIR)$$d 2>/dev/null || true; done
	@# The older library's file names, if the library itself has stayed: as its own `make install` linked them.
	@cd $(DESTDIR)$(LIBDIR) 2>/dev/null || exit 0; \
	old=$$(ls $(LIBRARY).so.1.*.* 2>/dev/null | sort -V | tail -n 1); test -f "$$old" || exit 0; \
	minor=$${old%.*}; major=$(LIBRARY).so.1; \
	test -e $$minor || ln -sf $$old $$minor; \
	test -e $$major || ln -sf $$minor $$major; \
	test -e $(LIBRARY).so || ln -sf $$major $(LIBRARY).so; \
	echo "the older library is used again: $(LIBRARY).so.1 -> $$minor -> $$old"
