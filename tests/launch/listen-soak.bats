#!/usr/bin/env bats
# Fifty clients at once, a session for each message, and smtpd accepts: the
# balance is even.  SOAK_SESSIONS: how many; see tests/lib/listen_soak.py.
load ../helper

export BATS_TEST_TIMEOUT=600

soaked() {
	mkdir "$BATS_TEST_TMPDIR/spool"
	: >"$BOX/record"
	python_case 500 lib/listen_soak.py "$1" "$BOX/record" \
		"$BATS_TEST_TMPDIR/spool" "${SOAK_SESSIONS:-1500}"
}

@test "thousands of sessions by a socket that listens balance to the last one" {
	soaked balance
}

@test "so they do while smtpd is restarted and replaced: nobody is lost" {
	soaked restart
}

@test "so they do while one client opens all it can, and hears 421 4.7.0" {
	soaked crowd
}
