#!/usr/bin/env bats
# --sandbox, from inside the half that reads the network.  Its cases
# are in tests/lib/escape.py; of a build that has a filter alone: Linux, x86-64
# or arm64, no sanitizer.
load helper

# escape CASE: with a speaker that is tests/unit/escape, or as it is.
escape() {
	: >"$LOG"
	SMTPD=${SANDBOXED:-$SMTPD} python_case 100 lib/escape.py "$@"
}

@test "who calls for anything else is killed: nothing run, exit 70, a line" {
	escape out
}

@test "in the middle of a message likewise: it is dropped" {
	escape content
}

@test "between two runs of LMTP likewise: the first was run, no other" {
	escape between
}

@test "any other call of the kernel, by its number" {
	escape every
}

@test "the filter lets through what sessions call, and nothing else" {
	escape filtered
}

@test "it may ask whether it is on a terminal, as each glibc does" {
	escape asks
}

@test "it cannot write to the log" {
	escape unheard
}

@test "each of these attempts comes to its end without --sandbox" {
	escape able
}

@test "a speaker that is killed: its message is dropped, a run goes on" {
	escape killed
}

@test "it dies with the other half, and the client sees the end" {
	escape alone
}

@test "it has the connection and the pair; the other has no connection" {
	escape files
}

@test "what STARTTLS needs it has from the start, and no connection behind it" {
	escape files_of_tls
}

@test "its limits, its privileges, its signals, its environment" {
	escape limits
}

@test "no signal's handler is left to it, where smtpd listens too" {
	escape of_listener
}

@test "when a message came, and how long it took, is counted from DATA on" {
	escape begun
}

@test "no user of its own may look into it" {
	escape not_dumpable
}

@test "a kernel that refuses it: 78 and 421 4.3.5, and nobody is greeted" {
	escape refused
}

@test "without the call seccomp, as in systemd's filters, it works" {
	escape other_calls
}

@test "no process can be had: 421 and 71" {
	escape no_process
}

@test "a signal to both is as one to the other half, one to it is none" {
	escape signalled
}

@test "a signal to both during a run: its 250, then 421" {
	escape signalled_run
}

@test "a launcher may ignore SIGCHLD" {
	(trap '' CHLD && exec "${SANDBOXED:-$SMTPD}" --sandbox --check cat)
	say "${HELLO[@]}" DATA x . QUIT >"$BATS_TEST_TMPDIR/in"
	(trap '' CHLD && exec "${SANDBOXED:-$SMTPD}" --sandbox -- "$CATCH") \
		<"$BATS_TEST_TMPDIR/in" >"$REPLIES" 2>"$LOG"
	codes_are 220 250 250 250 354 250 221
	delivered 1
}
