#!/usr/bin/env bats
load helper

@test "the greeting is 220, our name and the banner (RFC 5321, 4.3.1)" {
	say QUIT | serve
	[ "$(head -n 1 "$REPLIES")" = $'220 mx.example.org ESMTP ready\r' ]
	codes_are 220 221
	exited 0
}

@test "a message reaches the command, octet for octet" {
	say "${HELLO[@]}" DATA 'Subject: hi' '' '..dot' . QUIT | serve --no-received
	codes_are 220 250 250 250 354 250 221
	printf 'Subject: hi\n\n.dot\n' | cmp - "$(message)"
	[ "$(variable RECIPIENT)" = help@example.org ]
}

@test "who types on a terminal is told how to end the session, nobody else" {
	printf 'QUIT\n' | timeout 20 script -qec \
		"$SMTPD -n mx.example.org cat" /dev/null >"$REPLIES"
	grep -q '^SMTP by hand: EHLO .* QUIT or control-D ends' "$REPLIES"
	grep -q '^221 2.0.0 ' "$REPLIES"
	say QUIT | serve
	not_logged control-D
}
