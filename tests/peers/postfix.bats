#!/usr/bin/env bats
# Postfix as the client.
load ../helper
load ../launch/helper
load helper

deferred() {
	find "$BATS_TEST_TMPDIR/postfix/queue/deferred" -type f | grep -q .
}

# values NAME: in each run, a line each.
values() {
	for env in "$BOX"/*.env; do
		tr '\0' '\n' <"$env" | sed -n "s/^$1=//p"
	done
}

# The runs of one transaction, for each of these recipients: they got $LETTER,
# and the parameters of their own.
ran_for_each() {
	local n
	for ((n = 1; n <= $#; n++)); do
		came "$n" 2
	done
	diff <(for to; do
		echo "$to $ANN a+b=c" \
			"ORCPT=rfc822;${to/+/+2B} NOTIFY=SUCCESS,FAILURE"
	done | sort) <(paste -d ' ' <(values RECIPIENT) <(values SENDER) \
		<(values ENVID) <(values SMTP_RCPT_OPTIONS) |
		head -n $# | sort)
	[ "$(values SMTP_ID | head -n $# | uniq | wc -l)" -eq 1 ]
	mail_options_are 1 'BODY=8BITMIME ENVID=a+2Bb+3Dc RET=HDRS'
}

@test "Postfix, LMTP: of 20 recipients 15 sent, 3 bounced, 2 tried again" {
	local sent later=(later1@example.org later+2@example.org)
	local no=(no1@example.org no+2@example.org no3@example.org)
	mapfile -t sent < <(addresses 1 15)
	write_letter
	CATCH=$JUDGE listen tcpserver --lmtp --dsn
	postfix_starts "default_transport=lmtp:inet:$ADDRESS:$PORT"
	post -N success,failure -R hdrs -V 'a+b=c' \
		"${no[@]}" "${sent[@]}" "${later[@]}"
	until_true tried 21
	statuses_are "sent $ANN" "${sent[@]/#/sent }" "${no[@]/#/bounced }" \
		"${later[@]/#/deferred }"
	delivered 21
	ran_for_each "${no[@]}" "${sent[@]}" "${later[@]}"
	bounced 21 "${no[@]}"

	until_true deferred
	touch "$BOX/open"
	postqueue -c "$CONF" -f
	until_true tried 23
	statuses_are "sent $ANN" "${sent[@]/#/sent }" "${no[@]/#/bounced }" \
		"${later[@]/#/deferred }" "${later[@]/#/sent }"
	delivered 23
	came 22 2
	came 23 2
	until_true eval '! deferred'
}

@test "Postfix, SMTP: three messages in a session, one to 100 recipients" {
	local sent
	mapfile -t sent < <(addresses 1 100)
	listen tcpserver
	postfix_starts "relayhost=[$ADDRESS]:$PORT" \
		smtp_destination_recipient_limit=100 \
		smtp_connection_cache_destinations=static:all \
		smtp_connection_cache_time_limit=60s \
		connection_cache_ttl_limit=60s
	write_letter one
	post "${sent[@]}"
	until_true tried 100
	statuses_are "${sent[@]/#/sent }"
	came 1 2
	is RECIPIENTS 1 "$(addresses 1 100)"
	! variable RECIPIENT 1 || fail 'one of 100'
	mail_options_are 1 BODY=8BITMIME
	write_letter two
	post help@example.org
	until_true tried 101
	came 2 2
	write_letter three
	post joe@example.org
	until_true tried 102
	came 3 2
	postfix_stops
	logged_soon 'close client=.* messages=3 '
}

@test "Postfix, SMTPUTF8: addresses octet for octet, and the protocol's name" {
	write_letter $'caf\xc3\xa9'
	listen tcpserver
	postfix_starts "relayhost=[$ADDRESS]:$PORT" smtputf8_enable=yes
	ANN=$JOSE post "$JOSE"
	until_true tried 1
	statuses_are "sent $JOSE"
	came 1 2
	is SENDER 1 "$JOSE"
	is RECIPIENT 1 "$JOSE"
	is CLIENT_PROTOCOL 1 UTF8SMTP
	mail_options_are 1 'BODY=8BITMIME SMTPUTF8'
}

@test "the lines of examples/launch/postfix: a run for each recipient" {
	local lines
	write_letter
	listen tcpserver --lmtp
	mapfile -t lines < <(sed -e '/^#/d' -e "s/:2525$/:$PORT/" \
		"$ROOT/examples/launch/postfix/main.cf")
	[ "${#lines[@]}" -eq 3 ]
	postfix_starts "${lines[@]}"
	post help@example.org joe@example.org
	until_true tried 2
	statuses_are 'sent help@example.org' 'sent joe@example.org'
	delivered 2
	diff <(values RECIPIENT | sort) \
		<(printf '%s\n' help@example.org joe@example.org)
}
