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
