#!/usr/bin/env bats
# What fixed sessions cost, against the table in tests/bench/limits.  Needs
# strace and valgrind; "make cost" runs it.
load ../helper

setup_file() {
	"$ROOT/tests/bench/cost" >"$BATS_FILE_TMPDIR/figures"
}

# within_limits SESSION: both its figures are there, and neither is too high.
within_limits() {
	local measure figure limit
	for measure in calls instructions; do
		figure=$(figure "$1" "$measure" "$BATS_FILE_TMPDIR/figures")
		limit=$(figure "$1" "$measure" "$ROOT/tests/bench/limits")
		echo "# $measure: $figure of $limit" >&3
		[ "$figure" -gt 0 ]
		[ "$figure" -le "$limit" ] || fail "$measure: over the limit"
	done
}

# figure SESSION MEASURE FILE
figure() {
	sed -n "s/^$1[[:blank:]]*$2[[:blank:]]*//p" "$3"
}

@test "the cost of a session that only says QUIT" {
	within_limits connect
}

@test "the cost of a message of 2 KiB" {
	within_limits message
}

@test "the cost of 20 messages of 2 KiB, pipelined" {
	within_limits messages
}

@test "the cost of a message of 4 MiB of text" {
	within_limits text
}

@test "the cost of 4 MiB of short lines and of dots" {
	within_limits lines
}

@test "the cost of 20 recipients in LMTP" {
	within_limits lmtp
}
