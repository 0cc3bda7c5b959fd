#!/usr/bin/env bats
# DESIGN, 14: --sandbox on a kernel of arm64, which QEMU emulates: its mode for
# programs alone has no seccomp.  The kernel is booted once, and each test looks
# at what init said of one thing.  smtpd, and its objects, are static ones of
# arm64: see tests/README.md.
load ../helper

ARM64=${ARM64:-/opt/arm64}
CROSS=aarch64-linux-gnu-gcc

# for_arm64 PROGRAM: by the Makefile, which links it to the objects there are.
for_arm64() {
	rm -f "$ROOT/$1"
	make -s -C "$ROOT" static STATIC_CC="$CROSS" PROGRAMS="$1" \
		LDFLAGS=-static
	mv "$ROOT/$1" bin
}

# The names that tests/unit/escape.c has on arm64.
attempts() {
	"$CROSS" -E -I"$ROOT" "$ROOT/tests/unit/escape.c" |
		sed -n 's/^[[:blank:]]*{ "\([a-z0-9-]*\)".*/\1/p'
}

# Its clock is its own: a busy host is no slow one.
boot() {
	timeout 300 qemu-system-aarch64 -M virt -cpu cortex-a57 -m 512 \
		-icount shift=2,sleep=off -nodefaults -nographic -no-reboot \
		-serial stdio -kernel "$ARM64/vmlinuz" -initrd "$1" \
		-append 'console=ttyAMA0 quiet panic=-1' </dev/null |
		tr -d '\r'
}

setup_file() {
	export CONSOLE=$BATS_FILE_TMPDIR/console
	mkdir -p "$BATS_FILE_TMPDIR"/root/{bin,dev,proc,tmp}
	cd "$BATS_FILE_TMPDIR/root" || return
	cp "$ROOT/smtpd" "$ARM64/busybox" bin
	for_arm64 tests/unit/escape
	for_arm64 tests/bench/listen
	cp "$ROOT/tests/arm64/init" .
	attempts >attempts
	find . | cpio --quiet -o -H newc >../initrd
	boot ../initrd >"$CONSOLE" 2>&1
}

# part NAME: what init said of it, into $REPLIES and, of the log, $LOG.
part() {
	sed -n "/^== $1\$/,/^== end\$/p" "$CONSOLE" >"$BOX/part"
	grep -q '^== end' "$BOX/part" || fail "$(tail -n 30 "$CONSOLE")"
	sed -n 's/^reply: //p' "$BOX/part" >"$REPLIES"
	sed -n 's/^log: //p' "$BOX/part" >"$LOG"
}

has() {
	grep -qxF -- "$1" "$BOX/part" ||
		fail "$(cat "$BOX/part")" "expected: $1"
}

# delivers NAME [LINE]: of the message, at its end.
delivers() {
	part "$1"
	has 'exit status 0'
	has 'mail: Subject: hello'
	has "mail: $2"
	codes_are 220 250 250 250 354 250 221
	logged 'reason=quit messages=1 '
}

@test "it is an arm64, and --check finds the sandbox" {
	part machine
	has aarch64
	part check
	has ok
}

@test "a message by two pipes" {
	delivers by_pipes 'by pipes'
}

@test "a message by LMTP" {
	delivers by_lmtp 'by LMTP'
}

@test "a message behind a proxy" {
	delivers behind_a_proxy 'behind a proxy'
	logged 'close client=192.0.2.1 '
}

@test "a message to a socket that listens" {
	delivers by_a_socket 'by a socket'
	logged 'close client=127.0.0.1 '
}

@test "commands that are asked about, and those that are not" {
	part every_command
	has 'exit status 0'
	has 'mail: Subject: chunks'
	codes_are 220 250 250 250 250 250 500 214 250 503 235 250 250 250 550 \
		250 221
}

@test "a client that says nothing hears 421 in its time" {
	part too_slow
	has 'exit status 0'
	codes_are 220 421
}

@test "the speaker has a filter, its connection, the pair, and nothing else" {
	delivers locked_up 'locked up'
	has $'NoNewPrivs:\t1'
	has $'Seccomp:\t2'
	[ "$(sed -n 's/^fd [0-9]* //p' "$BOX/part" | tr '\n' ' ')" = \
		'/tmp/session /tmp/replies /dev/null socket ' ] || fail
}

@test "a speaker that is stopped goes on" {
	delivers stopped 'it went on'
}

@test "who calls for anything else is killed: nothing run, exit 70" {
	local name by
	part escaping
	[ "$(wc -l <"$BATS_FILE_TMPDIR/root/attempts")" -gt 45 ]
	while read -r name; do
		case $name in
		say | terminal) by=exit=99 ;; # it may write, but not to the log
		segv) by=signal=11 ;;
		abort) by=signal=6 ;;
		trap) by=signal=5 ;;
		*) by=signal=31 ;;
		esac
		has "$name: exit status 70, $by"
	done <"$BATS_FILE_TMPDIR/root/attempts"
	! grep 'was run' "$BOX/part" || fail 'the command was run'
}
