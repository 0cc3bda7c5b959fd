#!/usr/bin/env bats
# A pipelined session is the same session however its octets arrive.
load helper

split_up() {
	LOG=$LOG timeout 100 python3 -B "$ROOT/tests/splits.py" "$1" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 ||
		fail "$(cat "$BATS_TEST_TMPDIR/said")"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/said" >&3
}

@test "in every two writes and octet by octet, over a socket" {
	split_up socket
}

@test "in every two writes and octet by octet, over two pipes" {
	split_up pipes
}

@test "in every two writes and octet by octet, over TCP" {
	split_up tcp
}
