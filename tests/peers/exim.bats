#!/usr/bin/env bats
# Exim as the client, which sends by BDAT wherever that is offered.
load ../helper
load ../launch/helper
load helper

# mail RECIPIENT ...: $LETTER, to Exim.
mail() {
	exim -i -f "$ANN" -- "$@" <"$LETTER"
}

# small_and_large [transport option ...]
small_and_large() {
	listen tcpserver -v
	exim_at "$@"
	write_letter
	mail help@example.org
	came 1 2
	seq 1 180000 | sed 's/^/./' >>"$LETTER"
	[ "$(stat -c %s "$LETTER")" -gt $((1024 * 1024)) ]
	mail help@example.org
	came 2 2
	delivered 2
}

@test "Exim, BDAT: a small and a large message, octet for octet" {
	small_and_large
	# Exim's sign for CHUNKING
	[ "$(grep -c ' K C="250 2.0.0 Ok ' "$MAILLOG")" -eq 2 ]
	[ "$(grep -c 'command .* line="BDAT [0-9]*\( LAST\)\?"' "$LOG")" -eq 3 ]
	not_logged 'line=DATA'
}

@test "Exim, DATA: likewise" {
	small_and_large 'hosts_try_chunking ='
	[ "$(grep -c 'line=DATA' "$LOG")" -eq 2 ]
}

@test "Exim, SMTP: one refused of three recipients bounces alone" {
	write_letter
	listen tcpserver
	exim_at
	mail help@example.org -x@example.org joe@example.org
	statuses_are 'sent help@example.org' 'bounced -x@example.org' \
		'sent joe@example.org' "sent $ANN"
	delivered 2
	came 1 2
	is RECIPIENTS 1 $'help@example.org\njoe@example.org'
	bounced 2 -x@example.org
}

@test "Exim, LMTP: of three recipients one sent, one bounced, one tried again" {
	local no=no1@example.org help=help@example.org later=later1@example.org
	write_letter
	CATCH=$JUDGE listen tcpserver --lmtp
	exim_at 'protocol = lmtp'
	mail "$no" "$help" "$later"
	statuses_are "sent $help" "sent $ANN" "bounced $no" "deferred $later"
	bounced 4 "$no"
	touch "$BOX/open"
	exim -qff
	statuses_are "sent $help" "sent $ANN" "bounced $no" \
		"deferred $later" "sent $later"
	delivered 5
	is RECIPIENT 5 "$later"
	for n in 1 2 3 5; do
		came "$n" 2
	done
}

@test "Exim, SMTP: 550 bounces, 451 keeps the message for another time" {
	local no=no1@example.org later=later1@example.org
	write_letter
	CATCH=$JUDGE listen tcpserver
	exim_at
	mail "$no"
	bounced 2 "$no"
	mail "$later"
	touch "$BOX/open"
	exim -qff
	exim -qff
	statuses_are "bounced $no" "sent $ANN" "deferred $later" "sent $later"
	delivered 4
	came 4 2
}

@test "Exim passes the DSN parameters on" {
	local delay='NOTIFY=DELAY ORCPT=rfc822;h+2Bp' never=NOTIFY=NEVER
	write_letter
	listen tcpserver --dsn
	exim_at
	{
		say 'EHLO client.example' \
			"MAIL FROM:<$ANN> RET=HDRS ENVID=a+2Bb" \
			"RCPT TO:<help@example.org> $delay" \
			"RCPT TO:<joe@example.org> $never" DATA
		sed 's/^\./../; s/$/\r/' "$LETTER"
		say . QUIT
	} | exim -bs >"$REPLIES"
	delivered 1
	came 1 2
	is ENVID 1 a+b
	mail_options_are 1 'RET=HDRS ENVID=a+2Bb'
	is SMTP_RCPT_OPTIONS 1 "$delay"$'\n'"$never"
}
