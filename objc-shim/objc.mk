# The Objective-C library, for GNUstep: called by the Makefile above, from the folder above. See README.md.

TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE ?= $(TARGET)/release
# The place of the built files, from where they are installed.
OUT ?= $(TARGET)/objc
SHIM := objc-shim
SOVERSION := 3

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
INSTALL ?= install

# make's own default for OBJC is cc, which is no choice of the user's.
ifeq ($(origin OBJC),default)
undefine OBJC
endif

# ulib is written for clang with ARC; Debian's GNUstep is for GCC, which has no ARC.
WITH_ULIB ?= $(shell pkg-config --exists ulib 2>/dev/null && echo 1 || echo 0)
ifeq ($(WITH_ULIB),1)
OBJC ?= clang
DIALECT ?= -fobjc-arc
ULIB_CFLAGS ?= $(shell pkg-config --cflags ulib)
ULIB_LIBS ?= $(shell pkg-config --libs ulib)
SOURCES = SchrittmacherClient
else
OBJC ?= gcc
DIALECT ?=
SOURCES = SchrittmacherClient SMStandIn
endif

# Without warnings about GNUstep's own headers. MAKEFLAGS: gnustep-config runs a make itself.
GNUSTEP_CFLAGS = $(shell MAKEFLAGS= gnustep-config --objc-flags 2>/dev/null | sed 's@-I/@-isystem /@g; s@-I\. @ @')
GNUSTEP_LIBS = $(shell MAKEFLAGS= gnustep-config --base-libs)
# @synthesize has a parameter that GCC takes for an unused one.
WARNINGS = -Wall -Wextra -Wno-unused-parameter
# First on the command line: the other flags may name a folder that has the older library's headers.
INCLUDES = -I$(OUT)/include -I$(SHIM)/include -Iinclude

OBJECTS = $(SOURCES:%=$(OUT)/%.o)
LIBRARY = $(OUT)/libschrittmacherclient-objc.so.$(SOVERSION)
SCRIPT = $(OUT)/libschrittmacherclient.so
CONFIG = $(OUT)/include/schrittmacherclient/SMConfig.h

.DELETE_ON_ERROR:
.PHONY: all if-possible possible install uninstall FORCE

all: $(LIBRARY) $(SCRIPT)

if-possible:
	@if $(MAKE) -s -f $(SHIM)/objc.mk possible >/dev/null 2>&1; then $(MAKE) -f $(SHIM)/objc.mk all; \
	else echo 'no Objective-C compiler or no GNUstep: built without the class SchrittmacherClient'; fi

# Whether there is a compiler, and GNUstep for it.
possible:
	@echo '#import <Foundation/Foundation.h>' | $(OBJC) $(filter-out -M%,$(GNUSTEP_CFLAGS)) -x objective-c -fsyntax-only -

# Written only if it changes: the objects depend on it.
$(CONFIG): FORCE
	@mkdir -p $(@D)
	@{ echo '/* SMConfig.h - how this copy of the library was built; written by its Makefile */'; \
	   echo '#define SCHRITTMACHER_WITH_ULIB $(WITH_ULIB)'; } >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

-include $(OBJECTS:.o=.d)
$(OUT)/%.o: $(SHIM)/src/%.m $(CONFIG)
	$(OBJC) $(INCLUDES) $(GNUSTEP_CFLAGS) $(ULIB_CFLAGS) $(DIALECT) $(WARNINGS) $(CFLAGS) -fPIC -c -o $@ $<

# -z defs: programs find it through the linker script, which works only if it names all that it needs itself.
# $$ORIGIN: a program that has a run path for its one library finds the second one beside it.
# The C library by its file: -L$(RELEASE) could find the older library in a folder of LDFLAGS.
$(LIBRARY): $(OBJECTS) $(RELEASE)/libschrittmacherclient.so
	$(OBJC) $(CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,defs -Wl,-rpath,'$$ORIGIN' -o $@ $(OBJECTS) $(LDFLAGS) \
	    $(RELEASE)/libschrittmacherclient.so $(ULIB_LIBS) $(GNUSTEP_LIBS)

# Where the linker found the libraries that the class needs: in a folder of the flags, or where the compiler looks.
LIBRARY_FOLDERS = $(patsubst -L%,%,$(filter -L%,$(LDFLAGS) $(ULIB_LIBS) $(GNUSTEP_LIBS)))

# The development file: `-lschrittmacherclient` gives a C program the C library and nothing else. An Objective-C program
# gets the class too, and the runtime that the class was linked with. That runtime is there with its path, since a
# linker opens even what a C program does not need, and GNUstep may be where no linker looks.
$(SCRIPT): $(LIBRARY)
	@needed=; \
	for name in $$(readelf -d $(LIBRARY) | sed -n 's/.*(NEEDED).*\[\(lib\(objc\|gnustep-base\|ulib\)\..*\)\]/\1/p'); do \
	    path=$$($(OBJC) -print-file-name=$$name); \
	    for folder in $(LIBRARY_FOLDERS); do if test -e $$folder/$$name; then path=$$folder/$$name; break; fi; done; \
	    test ! -e "$$path" || path=$$(realpath -s "$$path"); \
	    needed="$$needed $$path"; \
	done; \
	{ echo '/* GNU ld script: the C library, and the Objective-C library for programs that need it */'; \
	  echo "INPUT(libschrittmacherclient.so.$(SOVERSION) AS_NEEDED($(notdir $(LIBRARY))$$needed))"; } >$@

HEADERS = $(SHIM)/include/schrittmacherclient/UMSchrittmacherClient.h $(SHIM)/include/schrittmacherclient/SMCompat.h \
    $(SHIM)/include/schrittmacherclient/SMStandIn.h $(CONFIG)

# rm: the linker script replaces a symbolic link to the C library, and must not be written through it.
install:
	@test -e $(LIBRARY) || { echo "error: $(LIBRARY) is missing; run 'make' first, not as root" >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(INCLUDEDIR)/schrittmacherclient $(DESTDIR)$(INCLUDEDIR)/libschrittmacher
	$(INSTALL) -m 755 $(LIBRARY) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(LIBRARY)) $(DESTDIR)$(LIBDIR)/libschrittmacherclient-objc.so
	rm -f $(DESTDIR)$(LIBDIR)/$(notdir $(SCRIPT))
	$(INSTALL) -m 644 $(SCRIPT) $(DESTDIR)$(LIBDIR)/
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/schrittmacherclient/
	$(INSTALL) -m 644 $(SHIM)/include/libschrittmacher/*.h $(DESTDIR)$(INCLUDEDIR)/libschrittmacher/
	@# The header imports ulib's then, and the older library's file said so too.
	@! grep -q 'WITH_ULIB 1' $(CONFIG) || echo 'Requires: ulib' >>$(DESTDIR)$(LIBDIR)/pkgconfig/schrittmacherclient.pc
ifeq ($(LEGACY_LINKS),1)
	@# Old Makefiles name the library before the objects. ld.bfd would drop what is only needed by these.
	sed -i 's/AS_NEEDED(\(.*\)))/\1)/' $(DESTDIR)$(LIBDIR)/$(notdir $(SCRIPT))
	ln -sf $(notdir $(LIBRARY)) $(DESTDIR)$(LIBDIR)/libschrittmacherclient.so.1
	ln -sf $(notdir $(LIBRARY)) $(DESTDIR)$(LIBDIR)/libschrittmacherclient.so.1.18
endif
	@test -n "$(DESTDIR)" || ldconfig || echo "now, as root: ldconfig"

# A legacy name goes only if it is our link. The older library's own links come back with `make uninstall`.
uninstall:
	for link in libschrittmacherclient.so.1 libschrittmacherclient.so.1.18; do \
	    test "$$(readlink $(DESTDIR)$(LIBDIR)/$$link)" != $(notdir $(LIBRARY)) || rm -f $(DESTDIR)$(LIBDIR)/$$link; done
	rm -f $(DESTDIR)$(LIBDIR)/libschrittmacherclient-objc.so $(DESTDIR)$(LIBDIR)/$(notdir $(LIBRARY))
	rm -f $(addprefix $(DESTDIR)$(INCLUDEDIR)/schrittmacherclient/,$(notdir $(HEADERS)))
	rm -f $(addprefix $(DESTDIR)$(INCLUDEDIR)/libschrittmacher/,$(notdir $(wildcard $(SHIM)/include/libschrittmacher/*.h)))
	test ! -d $(DESTDIR)$(INCLUDEDIR)/libschrittmacher || rmdir $(DESTDIR)$(INCLUDEDIR)/libschrittmacher 2>/dev/null || true
