# Yours: CC AR CPPFLAGS CFLAGS LDFLAGS PREFIX SBINDIR MANDIR DESTDIR.  Ours:
# what has STRICT and HARDEN in its name.  CPPFLAGS=-DNO_LINUX builds the POSIX fallbacks.

CC = cc
CFLAGS = -O2 -g
PREFIX = /usr/local
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man

# Files of more than 2 GiB, and days after 2038, where a word has 32 bits, too.
WIDE = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
STRICT = -std=c11 -D_POSIX_C_SOURCE=200809L $(WIDE) -Wall -Wextra -Wpedantic \
	-Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla
HARDEN = -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
HARDEN_LINK = -pie -Wl,-z,relro,-z,now
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

# For "make static": musl, where it is there, has the least to do at a start.
STATIC_CC = $(shell command -v musl-gcc || echo $(CC))
NUMERIC = $(if $(findstring musl,$(STATIC_CC) \
	$(shell $(STATIC_CC) -dumpmachine)),,-DNUMERIC_HOSTS)
STATIC = -static -no-pie -Wl,-z,noseparate-code,-z,relro,-z,now

# The programs are smtpd.o, programs/forward.o and a library of all the rest, of
# which each links what it calls.
LIBRARY = $(patsubst %.c,%,protocol.c channel.c $(wildcard lib/*.c))
SOURCES = smtpd.c programs/forward.c $(LIBRARY:=.c)
UNITS = tests/unit/content tests/unit/forms tests/unit/session tests/unit/auth \
	tests/unit/front tests/unit/channel tests/unit/client \
	tests/unit/verdict tests/unit/deed tests/unit/doer
HELPERS = tests/unit/probe tests/unit/recorder
ESCAPE = tests/unit/escape
EXAMPLES = examples/embed
MEASURES = tests/bench/drive tests/bench/load tests/bench/listen
BENCH = $(MEASURES) tests/bench/sink

PROGRAMS = smtpd forward
PAGES = smtpd.8 forward.8

all: $(PROGRAMS)

smtpd: smtpd.o libprotocol.a
	$(CC) $(CFLAGS) $(HARDEN_LINK) $(LDFLAGS) -o $@ smtpd.o libprotocol.a

forward: programs/forward.o libprotocol.a
	$(CC) $(CFLAGS) $(HARDEN_LINK) $(LDFLAGS) -o $@ programs/forward.o \
		libprotocol.a

# A room that went is no more in the archives; and objects of another compiler,
# or of other flags, are made anew, but by "make install", which takes what is
# there.
SANITIZED = .sanitized
lib/.rooms: export WORDS = $(LIBRARY)
lib/.flags: export WORDS = $(CC) $(STRICT) $(HARDEN) $(CPPFLAGS) $(CFLAGS)
lib/.flags$(SANITIZED): export WORDS = $(CC) $(STRICT) $(CPPFLAGS) $(SANITIZE)
lib/.rooms lib/.flags lib/.flags$(SANITIZED): FORCE
	@echo "$$WORDS" | cmp -s - $@ || echo "$$WORDS" >$@

ifneq ($(MAKECMDGOALS),install)
$(SOURCES:.c=.o): lib/.flags
$(SOURCES:.c=$(SANITIZED).o): lib/.flags$(SANITIZED)
endif

%.o: %.c
	$(CC) $(STRICT) $(HARDEN) -I. $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

libprotocol.a: $(LIBRARY:=.o) lib/.rooms
	rm -f $@
	$(AR) rcs $@ $(LIBRARY:=.o)

# The same under AddressSanitizer and UndefinedBehaviorSanitizer.
smtpd-sanitized: smtpd$(SANITIZED).o libprotocol$(SANITIZED).a
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ smtpd$(SANITIZED).o \
		libprotocol$(SANITIZED).a

forward-sanitized: programs/forward$(SANITIZED).o libprotocol$(SANITIZED).a
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ programs/forward$(SANITIZED).o \
		libprotocol$(SANITIZED).a

%$(SANITIZED).o: %.c
	$(CC) $(STRICT) -I. $(CPPFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

libprotocol$(SANITIZED).a: $(LIBRARY:=$(SANITIZED).o) lib/.rooms
	rm -f $@
	$(AR) rcs $@ $(LIBRARY:=$(SANITIZED).o)

-include $(wildcard *.d lib/*.d programs/*.d)

# The same programs with no library to load, for a busy port; "make install" then
# installs them.  Where glibc is linked in, forward looks up no names.
static:
	$(MAKE) $(PROGRAMS) CC='$(STATIC_CC)' \
		HARDEN='$(HARDEN:-fPIE=-fno-pie) $(NUMERIC)' \
		HARDEN_LINK='$(STATIC)'

units: $(UNITS) $(EXAMPLES) helpers

helpers: $(HELPERS) $(ESCAPE)

# Unit tests run the very modules of the program, under the sanitizers.
$(UNITS): %: %.c tests/unit/tap.h libprotocol$(SANITIZED).a
	$(CC) $(STRICT) -I. $(CPPFLAGS) $(SANITIZE) $(LDFLAGS) \
		-o $@ $< libprotocol$(SANITIZED).a

$(HELPERS): %: %.c
	$(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# The program with a speaker that is in the client's hands.
WRAP = protocol_command protocol_content protocol_next
$(ESCAPE): %: %.c smtpd.o libprotocol.a
	$(CC) $(STRICT) $(HARDEN) -I. $(CPPFLAGS) $(CFLAGS) $(HARDEN_LINK) \
		$(LDFLAGS) $(WRAP:%=-Wl,--wrap=%) -o $@ $< smtpd.o libprotocol.a

# A server of its own on the very objects of the program.
$(EXAMPLES): %: %.c libprotocol.a
	$(CC) $(STRICT) $(HARDEN) -I. $(CPPFLAGS) $(CFLAGS) $(HARDEN_LINK) \
		$(LDFLAGS) -o $@ $< libprotocol.a

$(MEASURES): %: %.c
	$(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# Static, for its start is a part of every figure.
tests/bench/sink: tests/bench/sink.c
	$(STATIC_CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

# SMTPD=./smtpd-sanitized tests that build instead.
test: $(PROGRAMS) units
	tests/run

check: test

# FUZZ_SECONDS=3600 for longer; what it finds is left in tests/fuzz.
FUZZ_SECONDS = 60
FUZZERS = tests/fuzz/session tests/fuzz/apart tests/fuzz/files

fuzz:
	$(MAKE) $(FUZZERS) CC=clang SANITIZED=.fuzz \
		SANITIZE='$(SANITIZE) -fsanitize=fuzzer-no-link'
	for fuzzer in $(FUZZERS); do \
		tests/fuzz/seeds $$fuzzer.corpus && \
		$$fuzzer -seed=1 -max_len=1500 -print_final_stats=1 \
			-max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=tests/fuzz/ $$fuzzer.corpus || exit; \
	done

# The speaker of one of them has no pair to write to.
tests/fuzz/apart: WRAPPED = -Wl,--wrap=read,--wrap=write,--wrap=close
$(FUZZERS): %: %.c tests/fuzz/checks.h libprotocol$(SANITIZED).a
	$(CC) $(STRICT) -I. $(CPPFLAGS) $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) \
		$(WRAPPED) -o $@ $< libprotocol$(SANITIZED).a

# Does a test see each operator and constant of these rooms?  FILES=lib/reply.c
# for one of them.
MUTANT = $(STRICT) -I. $(CPPFLAGS) $(LDFLAGS)

mutate: $(PROGRAMS) units libprotocol$(SANITIZED).a
	CC='$(CC)' FLAGS='$(MUTANT) $(HARDEN) $(HARDEN_LINK) $(CFLAGS)' \
		SANITIZE='$(MUTANT) $(SANITIZE)' tests/mutate $(FILES)

# Beside whatever else of its kind is there, in some five minutes.
bench: $(PROGRAMS) $(BENCH)
	tests/bench/run
	tests/bench/tcp

# System calls and instructions of fixed sessions, against tests/bench/limits.
cost: smtpd $(BENCH)
	tests/run tests/bench/cost.bats

# TLS=1: by STARTTLS and AUTH.
demo: smtpd
	TLS='$(TLS)' tests/demo

# The manual for a browser; "make lint" asks that it is current.
doc: smtpd
	for page in $(PAGES); do \
		packaging/render $$page >doc/$$page.md || exit; \
	done
	packaging/cast >doc/demo.svg

# Every script that git knows or would add, by its name or its first line.
lint: smtpd
	files=$$(git ls-files -co --exclude-standard '*.bash' '*.bats') && \
	files="$$files $$(git grep -I --untracked -n '^#!.*sh' | \
		sed -n 's/:1:#!.*//p')" && \
	shellcheck -x -P SCRIPTDIR -P tests -e SC2016,SC2030,SC2031,SC2094 \
		$$files
	mandoc -Tlint -Wwarning $(PAGES)
	! mandoc -Tlint $(PAGES) 2>/dev/null | \
		grep -v 'referenced manual not found'
	for page in $(PAGES); do \
		packaging/render $$page | cmp - doc/$$page.md || exit; \
	done
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		-D_POSIX_C_SOURCE=200809L -I. $(SOURCES) $(BENCH:=.c)

# By a rename: a session that starts meanwhile is of the old one or the new one.
install: $(PROGRAMS)
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8
	for program in $(PROGRAMS); do \
		at=$(DESTDIR)$(SBINDIR)/$$program && \
		install -m 755 $$program $$at.new && \
		mv -f $$at.new $$at || exit; \
	done
	install -m 644 $(PAGES) $(DESTDIR)$(MANDIR)/man8

uninstall:
	rm -f $(PROGRAMS:%=$(DESTDIR)$(SBINDIR)/%) \
		$(PAGES:%=$(DESTDIR)$(MANDIR)/man8/%)

# The tree of HEAD; the same octets wherever and whenever it is made.
VERSION = $(shell sed -n 's/^.define VERSION "\(.*\)"/\1/p' lib/version.h)
dist:
	test -e .git
	git -c tar.umask=0022 archive -o smtpd-$(VERSION).tar \
		--prefix=smtpd-$(VERSION)/ HEAD && \
		gzip -9nf smtpd-$(VERSION).tar || \
		{ rm -f smtpd-$(VERSION).tar; exit 1; }

clean:
	rm -rf smtpd smtpd-sanitized forward forward-sanitized *.[oad] lib/*.[od] \
		programs/*.[od] lib/.rooms lib/.flags* $(UNITS) $(HELPERS) \
		$(ESCAPE) $(EXAMPLES) $(BENCH) $(FUZZERS) $(FUZZERS:=.corpus)

FORCE:

.PHONY: FORCE all static units helpers test check bench cost demo doc fuzz lint \
	mutate install uninstall dist clean
