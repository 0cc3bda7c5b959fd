#!/usr/bin/env bats
# Who may receive, as Postfix sees and acts on it.
load ../helper
load ../launch/helper
load helper

@test "Postfix: 250, 251, 550 5.1.1, 553 5.1.4, 550 5.7.1, 451 are acted on" {
	write_letter
	listen tcpserver -d example.org -d example.net -f fwd.example \
		--lookup 'case $LOCAL in joe | ann) ;; two) exit 65 ;;
			later) exit 75 ;; *) exit 67 ;; esac'
	postfix_starts "relayhost=[$ADDRESS]:$PORT"
	post joe@example.org a@fwd.example nobody@example.org two@example.org \
		x@other.example later@example.org
	until_true tried 7
	statuses_are "sent joe@example.org" "sent a@fwd.example" \
		"bounced nobody@example.org" "bounced two@example.org" \
		"bounced x@other.example" "deferred later@example.org" \
		"sent $ANN"
	delivered 2
	came 1 2
	is RECIPIENTS 1 joe@example.org$'\n'a@fwd.example
	is FORWARD_RECIPIENTS 1 a@fwd.example
	bounced 2 nobody@example.org two@example.org x@other.example
	for code in '550 5.1.1' '553 5.1.4' '550 5.7.1'; do
		grep -q "said: $code" "$(message 2)" || fail "no $code"
	done
	grep -q 'to=<later@.* said: 451 4.3.0' "$MAILLOG"
}

@test "Postfix: of 200 recipients, half unknown, 100 get it, 100 bounce once" {
	local known unknown
	mapfile -t known < <(addresses 1 100)
	mapfile -t unknown < <(addresses 101 200)
	addresses 1 100 | sed 's/@.*//' >"$BATS_TEST_TMPDIR/users"
	echo ann >>"$BATS_TEST_TMPDIR/users"
	write_letter
	listen tcpserver -r 200 -u "$BATS_TEST_TMPDIR/users"
	postfix_starts "relayhost=[$ADDRESS]:$PORT" \
		smtp_destination_recipient_limit=200
	post "${unknown[@]}" "${known[@]}"
	until_true tried 201
	statuses_are "${known[@]/#/sent }" "${unknown[@]/#/bounced }" "sent $ANN"
	delivered 2
	came 1 2
	is RECIPIENTS 1 "$(addresses 1 100)"
	bounced 2 "${unknown[@]}"
}
