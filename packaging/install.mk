# `make install` and `make uninstall`, on the paths of the program that this one replaces. Nothing is compiled here, so
# that nothing is compiled as root. DESTDIR stands before every path and appears in no file.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= /etc/systemd/system

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
LIBRARY := libschrittmacherclient
HEADERS := $(notdir $(wildcard include/schrittmacherclient/*.h))
EXAMPLE := docs/examples/schrittmacher.conf.example
# pkg-config can then move the whole tree.
in_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
# What a program needs that is linked with the static library. `make check` compares it with what rustc says.
LIBS_PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc

DAEMON_FILES := \
	$(SBINDIR)/schrittmacher \
	$(SBINDIR)/schrittmacherctl \
	$(SYSCONFDIR)/schrittmacher/schrittmacher.conf.example \
	$(UNITDIR)/schrittmacher.service \
	$(MANDIR)/man8/schrittmacher.8 \
	$(MANDIR)/man8/schrittmacherctl.8 \
	$(MANDIR)/man5/schrittmacher.conf.5
LIB_FILES := \
	$(LIBDIR)/$(LIBRARY).so.$(LIBVERSION) \
	$(LIBDIR)/$(LIBRARY).so.$(SOVERSION) \
	$(LIBDIR)/$(LIBRARY).so \
	$(LIBDIR)/$(LIBRARY).a \
	$(LIBDIR)/pkgconfig/schrittmacherclient.pc \
	$(HEADERS:%=$(INCLUDEDIR)/schrittmacherclient/%)

RUN_FILES := \
	$(BINDIR)/schrittmacher-run \
	$(MANDIR)/man1/schrittmacher-run.1

INSTALL ?= install
# (what, mode, where): a file with its directory.
put = $(INSTALL) -d $(DESTDIR)$(dir $(3)) && $(INSTALL) -m $(2) $(1) $(DESTDIR)$(3)
# (template, where): the same for a file with @names@ in it.
fill = $(INSTALL) -d $(DESTDIR)$(dir $(2)) && sed \
	-e 's|@prefix@|$(PREFIX)|' -e 's|@sbindir@|$(SBINDIR)|' -e 's|@libdir@|$(call in_prefix,$(LIBDIR))|' \
	-e 's|@includedir@|$(call in_prefix,$(INCLUDEDIR))|' -e 's|@version@|$(VERSION)|' -e 's|@libs_private@|$(LIBS_PRIVATE)|' \
	$(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)
built = test -e $(1) || { echo "error: $(1) is missing; run 'make' first, not as root" >&2; exit 1; }

.PHONY: install install-daemon install-lib install-run uninstall

install: install-daemon install-lib install-run ## install what `make` has built: PREFIX, DESTDIR

# Only ever the example: whoever has a configuration keeps it.
install-daemon: ## the daemon alone, and schrittmacherctl
	@$(call built,$(RELEASE)/schrittmacher)
	@$(call built,$(RELEASE)/schrittmacherctl)
	$(call put,$(RELEASE)/schrittmacher,755,$(SBINDIR)/schrittmacher)
	$(call put,$(RELEASE)/schrittmacherctl,755,$(SBINDIR)/schrittmacherctl)
	$(call put,man/schrittmacher.8,644,$(MANDIR)/man8/schrittmacher.8)
	$(call put,man/schrittmacherctl.8,644,$(MANDIR)/man8/schrittmacherctl.8)
	$(call put,man/schrittmacher.conf.5,644,$(MANDIR)/man5/schrittmacher.conf.5)
	$(call put,$(EXAMPLE),644,$(SYSCONFDIR)/schrittmacher/schrittmacher.conf.example)
	$(call fill,packaging/schrittmacher.service.in,$(UNITDIR)/schrittmacher.service)
	@test -n "$(DESTDIR)" || echo "now: systemctl daemon-reload"

install-lib: ## the client library for C alone
	@$(call built,$(RELEASE)/$(LIBRARY).so)
	@$(call built,$(RELEASE)/$(LIBRARY).a)
	$(call put,$(RELEASE)/$(LIBRARY).so,755,$(LIBDIR)/$(LIBRARY).so.$(LIBVERSION))
	ln -sf $(LIBRARY).so.$(LIBVERSION) $(DESTDIR)$(LIBDIR)/$(LIBRARY).so.$(SOVERSION)
	ln -sf $(LIBRARY).so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/$(LIBRARY).so
	$(call put,$(RELEASE)/$(LIBRARY).a,644,$(LIBDIR)/$(LIBRARY).a)
	$(call fill,packaging/schrittmacherclient.pc.in,$(LIBDIR)/pkgconfig/schrittmacherclient.pc)
	$(foreach header,$(HEADERS),$(call put,include/schrittmacherclient/$(header),644,$(INCLUDEDIR)/schrittmacherclient/$(header)) &&) true
	@test -n "$(DESTDIR)" || ldconfig || echo "now, as root: ldconfig"

install-run: install-lib ## the client library for C, and schrittmacher-run
	@$(call built,$(RELEASE)/schrittmacher-run)
	$(call put,$(RELEASE)/schrittmacher-run,755,$(BINDIR)/schrittmacher-run)
	$(call put,man/schrittmacher-run.1,644,$(MANDIR)/man1/schrittmacher-run.1)

uninstall: ## remove what `make install` has installed; configurations stay
	rm -f $(addprefix $(DESTDIR),$(DAEMON_FILES) $(LIB_FILES) $(RUN_FILES))
	for d in $(SYSCONFDIR)/schrittmacher $(INCLUDEDIR)/schrittmacherclient; do \
		test ! -d $(DESTDIR)$$d || rmdir $(DESTDIR)$$d 2>/dev/null || true; done
