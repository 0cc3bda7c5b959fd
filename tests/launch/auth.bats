#!/usr/bin/env bats
# AUTH with real clients, over TCP; in clear, for TLS has tests of its own.
# shellcheck disable=SC2016 # the words are the command's
load ../helper
load helper

# Who knows one name and one password, which shell and wire have to keep.
NAME=joe@example.org
SECRET='p w"$x'
KNOWS='[ "$(tr "\0" "\n" <&3 | head -n 2)" = "joe@example.org
p w\"\$x" ]'

relaying() {
	listen tcpserver -d example.org --auth-in-clear --auth "$KNOWS" "$@"
}

# by_METHOD: the message came, by who said who he is.
came_by() {
	delivered 1
	[ "$(variable SASL_USERNAME)" = "$NAME" ]
	[ "$(variable SASL_METHOD)" = "$1" ] ||
		fail "$(variable SASL_METHOD)"
	[ "$(variable CLIENT_PROTOCOL)" = ESMTPA ]
	logged_soon "auth client=127.0.0.1 method=$1 user=$NAME reply=\"235 2.7.0\""
	rm "$BOX"/*
}

by_curl() {
	printf 'Subject: s\r\n\r\nx\r\n' | curl -sS -m 10 -T - \
		--mail-from ann@example.net --mail-rcpt bob@elsewhere.example \
		"$@" "smtp://$ADDRESS:$PORT/client.example"
}

# To a local recipient: this one (20201014) takes a 251 for a refusal.
by_swaks() {
	swaks --server "$ADDRESS" --port "$PORT" --timeout 10 \
		--helo client.example --from ann@example.net \
		--to help@example.org "$@" >"$BATS_TEST_TMPDIR/swaks" 2>&1
}

@test "smtplib: PLAIN, LOGIN, and what it chooses" {
	relaying
	for method in PLAIN LOGIN ''; do
		client authenticate "$ADDRESS" "$PORT" "$NAME" "$SECRET" \
			"$method" bob@elsewhere.example
		came_by "${method:-PLAIN}"
	done
}

@test "smtplib: a wrong password is two errors, and both are told" {
	relaying --max-errors 3
	client wrong_password "$ADDRESS" "$PORT" "$NAME" wrong
	logged_soon 'auth .* method=LOGIN .*reply="535 5.7.8"'
	[ "$(grep -c ' auth .*reply="535 5.7.8"' "$LOG")" -eq 2 ]
	not_delivered
}

@test "curl: PLAIN and LOGIN, with an initial response and without" {
	relaying
	for method in PLAIN LOGIN; do
		for first in --sasl-ir --no-sasl-ir; do
			by_curl --user "$NAME:$SECRET" \
				--login-options "AUTH=$method" $first
			came_by $method
		done
	done
	ends 67 by_curl --user "$NAME:wrong" 2>"$BATS_TEST_TMPDIR/said"
	not_delivered
}

@test "curl without a name may not relay" {
	relaying
	ends 55 by_curl 2>"$BATS_TEST_TMPDIR/said"
	logged_soon 'refuse .* verb=RCPT reply="550 5.7.1" to=bob@elsewhere'
	not_delivered
}

@test "swaks: PLAIN and LOGIN" {
	relaying
	for method in PLAIN LOGIN; do
		by_swaks --auth "$method" --auth-user "$NAME" \
			--auth-password "$SECRET" ||
			fail "$(cat "$BATS_TEST_TMPDIR/swaks")"
		came_by $method
	done
}

@test "swaks: a wrong password by one way after the other" {
	relaying
	ends 28 by_swaks --auth PLAIN,LOGIN --auth-user "$NAME" \
		--auth-password wrong
	logged_soon 'method=PLAIN .*reply="535'
	logged_soon 'method=LOGIN .*reply="535'
	not_delivered
}
