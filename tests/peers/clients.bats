#!/usr/bin/env bats
# Smaller clients.
load ../helper
load ../launch/helper
load helper

HELP=help@example.org
JOE=joe@example.org
CLIENTS=${CLIENTS:-/opt/clients}

by_msmtp() {
	msmtp --host="$ADDRESS" --port="$PORT" --domain=client.example \
		--from="$ANN" "$@" <"$LETTER" 2>&1
}

by_curl() {
	sed 's/$/\r/' "$LETTER" >"$LETTER.crlf"
	curl -sS -m 30 -T "$LETTER.crlf" --mail-from "$ANN" "$@" \
		"smtp://$ADDRESS:$PORT/client.example"
}

# swaks ends the last line itself, and takes a dot line at the end for its end.
by_swaks() {
	echo end >>"$LETTER"
	head -c -1 "$LETTER" | swaks --server "$ADDRESS" --port "$PORT" \
		--timeout 30 --helo client.example --from "$ANN" --data - "$@"
}

# by_nodemailer RECIPIENT ...: says "ok REFUSED ..." or "error CODE".
by_nodemailer() {
	NODE_PATH=$CLIENTS/node_modules node - "$ADDRESS" "$PORT" "$LETTER" \
		"$@" <<-'END'
		const [host, port, letter, ...to] = process.argv.slice(2);
		require('nodemailer').createTransport({
		    host, port, name: 'client.example', ignoreTLS: true,
		}).sendMail({
		    envelope: {from: 'jos\u00e9@example.net', to},
		    raw: require('fs').readFileSync(letter),
		}).then(info => console.log('ok', ...info.rejected),
		    error => console.log('error', error.responseCode));
	END
}

@test "msmtp: what --dsn-notify and --dsn-return ask for" {
	write_letter
	listen tcpserver --dsn
	by_msmtp --dsn-notify=failure,delay --dsn-return=hdrs "$HELP" "$JOE"
	delivered 1
	came 1 1
	is RECIPIENTS 1 "$HELP"$'\n'"$JOE"
	is SMTP_MAIL_OPTIONS 1 RET=HDRS
	is SMTP_RCPT_OPTIONS 1 \
		$'NOTIFY=FAILURE,DELAY\nNOTIFY=FAILURE,DELAY'
}

@test "msmtp, LMTP: one recipient of three refused" {
	write_letter
	CATCH=$JUDGE listen tcpserver --lmtp
	ends 69 by_msmtp --protocol=lmtp "$HELP" no1@example.org "$JOE"
	delivered 3
	for n in 1 2 3; do
		came "$n" 1
	done
}

@test "swaks, pipelined: two recipients" {
	write_letter
	listen tcpserver
	by_swaks --pipeline --to "$HELP,$JOE"
	delivered 1
	came 1 1
	is RECIPIENTS 1 "$HELP"$'\n'"$JOE"
}

@test "smtplib, SMTPUTF8: addresses and header octet for octet" {
	write_letter $'caf\xc3\xa9'
	listen tcpserver
	python3 -B - "$ADDRESS" "$PORT" "$LETTER" <<-'END'
		import email.policy, smtplib, sys
		as_is = email.policy.SMTPUTF8.clone(refold_source='none')
		with open(sys.argv[3], 'rb') as file:
		    message = email.message_from_binary_file(file, policy=as_is)
		jose = 'jos\u00e9@example.org'
		with smtplib.SMTP(*sys.argv[1:3], 'client.example') as server:
		    server.send_message(message, jose, [jose])
	END
	delivered 1
	came 1 1
	is SENDER 1 "$JOSE"
	is RECIPIENT 1 "$JOSE"
	is CLIENT_PROTOCOL 1 UTF8SMTP
	mail_options_are 1 'SMTPUTF8 BODY=8BITMIME'
}

@test "curl: three recipients, one of them in UTF-8" {
	write_letter
	listen tcpserver
	by_curl --mail-rcpt "$HELP" --mail-rcpt "$JOSE" --mail-rcpt "$JOE"
	delivered 1
	came 1 1
	is RECIPIENTS 1 "$HELP"$'\n'"$JOSE"$'\n'"$JOE"
	is CLIENT_PROTOCOL 1 UTF8SMTP
}

@test "curl: of three recipients one refused" {
	write_letter
	listen tcpserver
	ends 55 by_curl --mail-rcpt "$HELP" --mail-rcpt '<-x@example.org>'
	not_delivered
	by_curl --mail-rcpt-allowfails --mail-rcpt "$HELP" \
		--mail-rcpt '<-x@example.org>' --mail-rcpt "$JOE"
	delivered 1
	came 1 1
	is RECIPIENTS 1 "$HELP"$'\n'"$JOE"
}

@test "nodemailer, all in one write: of three recipients one refused, or all" {
	write_letter
	listen tcpserver --domain example.org
	[ "$(by_nodemailer no@example.com)" = 'error 550' ]
	not_delivered
	[ "$(by_nodemailer "$HELP" no@example.com "$JOSE")" = \
		'ok no@example.com' ]
	delivered 1
	came 1 1
	is SENDER 1 $'jos\xc3\xa9@example.net'
	is RECIPIENTS 1 "$HELP"$'\n'"$JOSE"
}
