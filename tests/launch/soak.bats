#!/usr/bin/env bats
# Twenty clients at once, thousands of messages: the balance is even.
load ../helper
load helper

export BATS_TEST_TIMEOUT=600

@test "a soak of 10000 messages balances to the last one" {
	mkdir "$BATS_TEST_TMPDIR/spool"
	: >"$BOX/record"
	CATCH=$BATS_TEST_TMPDIR/recorder
	printf '#!/bin/sh\nexec "%s" "$BOX/record"\n' \
		"$ROOT/tests/unit/recorder" >"$CATCH"
	chmod +x "$CATCH"
	listen tcpserver -T 1 --log none --no-received \
		--spool "$BATS_TEST_TMPDIR/spool"
	python_case 500 lib/soak.py "$ADDRESS" "$PORT" "$SERVER" "$BOX/record" \
		"$BATS_TEST_TMPDIR/spool" "${SOAK_MESSAGES:-10000}"
}
