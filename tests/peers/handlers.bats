#!/usr/bin/env bats
# examples/handlers/lmtpd.py, with Postfix as its client.
# shellcheck disable=SC2154 # helper's variables
load ../helper
load ../launch/helper
load helper
load ../lib/handler

teardown() {
	postfix_stops
	kill "$SERVER"
}

@test "Postfix, LMTP, to the handler: kept, bounced, tried again" {
	edit_handler
	PORT=$((20000 + RANDOM % 12000))
	/usr/bin/python3 "$HANDLER" "127.0.0.1:$PORT" >"$LOG" 2>&1 3>&- &
	SERVER=$!
	until_answered
	write_letter
	postfix_starts "default_transport=lmtp:inet:127.0.0.1:$PORT"
	post help@example.org no@example.org later@example.org "$JOSE"
	until_true tried 5
	statuses_are "sent help@example.org" "sent $JOSE" "sent $ANN" \
		'bounced no@example.org' 'deferred later@example.org'
	[ "$(find "$BOX" -name '*.mail' | wc -l)" -eq 3 ]
	for to in help@example.org "$JOSE"; do
		mail=$(grep -alF "|$to|" "$BOX"/*.mail)
		LC_ALL=C sed -n '/^From: /,$p' "$mail" | tr -d '\r' |
			cmp - "$LETTER"
	done
	grep -qaxF "|$ANN|client.example" "$BOX"/*.mail
	grep -qa 'is nobody' "$BOX"/*.mail
}
