#!/usr/bin/env bats
# STARTTLS by a real couriertls, with real clients.
load ../helper
load ../launch/helper
load helper

HELP=help@example.org

setup_file() {
	install_pem
}

by_swaks() {
	echo end >>"$LETTER"
	head -c -1 "$LETTER" | swaks --server "$ADDRESS" --port "$PORT" \
		--timeout 30 --helo client.example --from "$ANN" --to "$HELP" \
		--data - --tls-ca-path "$PEM" --tls-verify "$@"
}

# smtplib FILE: of Python.
by_smtplib() {
	python3 -B - "$ADDRESS" "$PORT" "$PEM" "$LETTER" <<-'END'
		import smtplib, ssl, sys
		context = ssl.create_default_context(cafile=sys.argv[3])
		with open(sys.argv[4], 'rb') as file:
		    message = file.read().replace(b'\n', b'\r\n')
		with smtplib.SMTP(*sys.argv[1:3], 'client.example') as server:
		    server._host = 'mx.example.org'
		    server.starttls(context=context)
		    for _ in 1, 2:
		        server.sendmail('ann@example.net', ['help@example.org'],
		                        message, ['BODY=8BITMIME'])
	END
}

by_curl() {
	sed 's/$/\r/' "$LETTER" >"$LETTER.crlf"
	curl -sS -m 30 -T "$LETTER.crlf" --mail-from "$ANN" \
		--mail-rcpt "$HELP" --ssl-reqd --cacert "$PEM" \
		--resolve "mx.example.org:$PORT:$ADDRESS" "$@" \
		"smtp://mx.example.org:$PORT/client.example"
}

by_openssl() {
	{
		printf '%s\n' 'EHLO client.example' "MAIL FROM:<$ANN>" \
			"RCPT TO:<$HELP>" DATA
		sed 's/^\./../' "$LETTER"
		printf '%s\n' . QUIT
	} | timeout 30 openssl s_client -quiet -starttls smtp -crlf \
		-connect "$ADDRESS:$PORT" -CAfile "$PEM" -verify_return_error \
		"$@" >"$REPLIES"
}

by_msmtp() {
	msmtp --host="$ADDRESS" --port="$PORT" --domain=client.example \
		--from="$ANN" --tls=on --tls-starttls=on \
		--tls-trust-file="$PEM" --tls-host-override=mx.example.org \
		"$HELP" <"$LETTER" 2>&1
}

# It came by TLS, and as it was sent.
secure() {
	came "$1" "$2"
	is CLIENT_PROTOCOL "$1" "${3:-ESMTPS}"
	logged ' tls client='
	not_logged ' tls .*error='
}

# Nothing of a session is left.
all_ended() {
	! pgrep -P "$SERVER" >/dev/null && ! pgrep -f "^$COURIERTLS " >/dev/null
}

@test "swaks: TLS 1.2 and 1.3" {
	courier
	for version in tlsv1_2 tlsv1_3; do
		write_letter
		by_swaks --tls --tls-protocol "$version"
	done
	secure 1 1
	secure 2 1
	delivered 2
	until_true all_ended
}

@test "smtplib: two messages in a session" {
	write_letter
	courier
	by_smtplib
	secure 1 1
	secure 2 1
	delivered 2
}

@test "curl: TLS 1.2 and 1.3" {
	write_letter
	courier
	by_curl --tlsv1.3
	by_curl --tls-max 1.2
	secure 1 1
	secure 2 1
}

@test "openssl s_client: TLS 1.2 and 1.3, the end of the session is that of TLS" {
	write_letter
	courier
	for version in -tls1_2 -tls1_3; do
		by_openssl "$version"
		reply_is -1 '221 2.0.0 '
	done
	secure 1 1
	secure 2 1
}

@test "msmtp" {
	write_letter
	courier
	by_msmtp
	secure 1 1
}

@test "Postfix, encrypt" {
	write_letter
	courier
	postfix_starts "relayhost=[$ADDRESS]:$PORT" \
		smtp_tls_security_level=encrypt smtp_tls_loglevel=1
	for n in 1 2; do
		post "$HELP"
		until_true tried "$n"
		secure "$n" 2
	done
	statuses_are "sent $HELP" "sent $HELP"
	grep -q 'TLS connection established to' "$MAILLOG"
}

@test "Postfix, encrypt, LMTP" {
	write_letter
	courier --lmtp
	postfix_starts "default_transport=lmtp:inet:$ADDRESS:$PORT" \
		lmtp_tls_security_level=encrypt
	post "$HELP" joe@example.org
	until_true tried 2
	statuses_are "sent $HELP" 'sent joe@example.org'
	secure 1 2 LMTPS
	secure 2 2 LMTPS
}

@test "Exim, which wants TLS" {
	write_letter
	courier
	exim_at 'hosts_require_tls = *' \
		"tls_verify_certificates = $CERTIFICATE"
	exim -i -f "$ANN" -- "$HELP" <"$LETTER"
	statuses_are "sent $HELP"
	grep -q ' X=TLS1\.3:' "$MAILLOG"
	secure 1 2
}

@test "clients that want TLS, and there is none: nothing is sent" {
	write_letter
	listen tcpserver -v
	! by_swaks --tls || fail swaks
	ends 64 by_curl
	! by_msmtp || fail msmtp
	exim_at 'hosts_require_tls = *'
	exim -i -f "$ANN" -- "$HELP" <"$LETTER"
	statuses_are "deferred $HELP"
	not_delivered
}

@test "a large message, octet for octet" {
	write_letter
	courier
	seq -f '%.0f .......................................................' \
		1 300000 >>"$LETTER"
	[ "$(stat -c %s "$LETTER")" -gt $((16 * 1024 * 1024)) ]
	by_smtplib
	by_curl
	secure 1 1
	secure 2 1
	secure 3 1
	delivered 3
}

# odd CASE: of odd.py.
odd() {
	: >"$LOG"
	courier "${@:2}"
	timeout 60 python3 -B "$ROOT/tests/peers/tls.py" "$1" "$ADDRESS" \
		"$PORT" "$PEM" >"$BATS_TEST_TMPDIR/said" 2>&1 ||
		fail "$1: $(cat "$BATS_TEST_TMPDIR/said")"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/said" >&3
	until_true all_ended
	not_delivered
}

@test "a client that is silent in the handshake, sends garbage, leaves, resets" {
	odd silent -t 2
	logged ' tls client=127.0.0.1 error=time-out'
	stop_listening
	for kind in garbage half leave reset; do
		odd "$kind"
		logged ' tls client=127.0.0.1 error='
		logged ' close .* reason=tls '
		logged ' output client=127.0.0.1 line=".*ip=\[127.0.0.1\], .*"'
		stop_listening
	done
}

@test "a client that ends TLS, or the connection, without QUIT; one that resets" {
	for kind in notify eof cut; do
		odd "$kind"
		logged ' tls client=127.0.0.1$'
		logged ' close .* reason=eof '
		stop_listening
	done
}

@test "replies that nobody reads: both ways full" {
	odd full
	logged ' close .* reason=quit '
}

@test "a certificate that is not there shows in the handshake, and in the log" {
	CERTFILE=/nowhere odd nothing
	logged ' output client=127.0.0.1 line=".*: No such file or directory"'
	logged ' tls client=127.0.0.1 error='
}
